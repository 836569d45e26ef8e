"""The past of store/schema.py: one line of Alembic revisions for each of the three databases."""
