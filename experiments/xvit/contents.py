"""Tables and figures of the supplementary material."""

from experiments.spec.paper_contents import Contents

CONTENTS = Contents(here=("table1", "table2", "figure1"))
