"""What the operator sells, and the tables of the world that prices depend on.

OWNS      offers and their dated tariff documents, the stable rule ids, publications of compiled tariffs;
          areas, number prefixes, countries, special numbers, cells, providers, holidays, carriers; bill item types.
NOT       who holds an offer (customers), what a use costs (the kernel), which discount won (billing).
ALWAYS    a published version never changes: a new price is a new version; a rule id means one rule for ever;
          no price above the regulated cap is stored (CHG-23).
TIMES     `from_on` = first day a version is in force, until the next version's; `published_at` = when it was compiled.
"""
