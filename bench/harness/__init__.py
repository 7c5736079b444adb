"""What the measurements of whole calls share: the node, the application and the phones, each a process of its own."""
