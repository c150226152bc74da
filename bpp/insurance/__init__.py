"""Social-insurance contributions on each confirmed job."""
