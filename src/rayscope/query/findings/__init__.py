"""Findings from metrics: one rule a module, each a pure function of facts. What a rule cannot show with figures it does not say."""
