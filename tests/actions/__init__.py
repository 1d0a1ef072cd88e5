"""What commands and Python share."""
