"""Examples out of files and tables, read once for training, evaluation, bulk and the command line."""
