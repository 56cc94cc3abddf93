"""The papers' tables again, with paired seeds and intervals: one package a paper."""
