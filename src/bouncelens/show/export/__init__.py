"""Answers to take away: tables for programs, documents for people.

`writing` has the ways out, `forms` the forms, `report` what a document says.
"""
