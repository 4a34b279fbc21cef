"""Whether the verdicts keep what they promise on this machine.

    plan            what is compared, how long, and what is promised
    slower          a build that works longer, by as much as is wanted
    record          rounds of a build beside itself, and beside slower ones, as they are measured
    load            other load: what there is of it, and what is added
    recorded        what was recorded, read back and checked
    resample        comparisons drawn from it
    false_verdicts  how often they say what is not so
    power           how much machine time finds a slowdown
    both_ways       the same comparisons in duets and in solo rounds
"""
