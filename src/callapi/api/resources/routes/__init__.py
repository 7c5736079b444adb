"""What routes calls: numbers, applications, clients and trunks."""
