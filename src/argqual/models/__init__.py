"""Language models: by name, over the network or inside the process."""
