"""The paper's claims on real questions: the data sets, the search of settings and the results of make study."""
