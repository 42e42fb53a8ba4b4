"""Language models: by name, over the network or on this machine."""
