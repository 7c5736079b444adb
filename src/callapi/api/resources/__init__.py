"""The resources, one file each: a table of parameters, one of fields, a short function for each operation."""

from callapi.api.resources.table import OPERATIONS, RESOURCES, Resource

__all__ = ["OPERATIONS", "RESOURCES", "Resource"]
