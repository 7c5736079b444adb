"""What scenarios are made of. Nothing here uses the product's own code: it is judged from outside."""
