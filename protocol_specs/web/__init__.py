"""The ground of all pages: templates, languages, sign-in, forms, maps (docs/pages.md)."""
