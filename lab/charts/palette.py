"""The colours of all charts.

The categorical ones are the set of M. Okabe and K. Ito (https://jfly.uni-koeln.de/color/), told apart by readers with
every common kind of colour blindness; each series also differs in marker, dash or hatch, so that a grey print reads
too.
"""

BLUE, ORANGE, GREEN, VERMILLION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
SKY, PURPLE, YELLOW, BLACK = "#56B4E9", "#CC79A7", "#F0E442", "#1F2328"
SERIES = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILLION, YELLOW)
HATCHES = ("", "////", "....", "xxxx")
INK, MUTED, RULE, BAND, PAPER = "#1F2328", "#57606A", "#D8DEE4", "#F3F5F8", "#FFFFFF"
