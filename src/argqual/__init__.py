"""argqual scores arguments against explicit criteria, and measures what transfers.

The public API is what the stub beside this file names. Each name is loaded when it is
first used, so that `import argqual` costs next to nothing.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
