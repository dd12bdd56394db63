"""The paper's section 4 as data: what is trained, what is measured, and the report of it."""
