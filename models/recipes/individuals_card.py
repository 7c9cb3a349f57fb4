"""What the embedder's card and manifest say of telling individuals apart. Needs no PyTorch."""

import decide
import identity


def percent(value: float | None) -> str:
    """A share as text; a dash where nothing was there to be measured."""
    return "–" if value is None else f"{100 * value:.1f} %"


def identity_rows(measured: dict, baseline: dict) -> str:
    """One row a species and way of asking: the network beside the baseline."""
    rows = []
    for how, groups in measured.items():
        for species, m in groups.items():
            b = baseline[how][species]
            rows.append(
                f"| {how} | {species} | {m['known']} / {m['unknown']} | **{percent(m['rank1'])}** | {percent(b['rank1'])} "
                f"| {percent(m['chance'])} | {m['map']:.3f} | {b['map']:.3f} | {m['auroc']:.3f} | {b['auroc']:.3f} |"
            )
    return "\n".join(rows)


def decision_row(name: str, said: dict) -> str:
    """How many of one kind of question were decided how."""
    total = sum(said.values())
    cells = " | ".join(str(said.get(key, 0)) for key in ("right", "wrong", "unsure", "new"))
    return f"| {name} | {total} | {cells} |"


def individuals_section(curve: dict) -> str:
    """`[individuals]` of a manifest; nothing where the calibration decides nothing: such a network only ranks."""
    if not identity.decides(curve):
        return ""
    keys = "".join(f"{key} = {curve[key]:.4f}\n" for key in ("slope", "intercept", "known", "new"))
    return f"\n# From the similarity to a probability; the card says what it was fitted on.\n[individuals]\n{keys}"


def decided(r: dict) -> str:
    """What the calibration decides, or that there is none."""
    curve = r["curve"]
    if not identity.decides(curve):
        return f"""\
**It decides nothing.** On {curve["questions"]} questions of a third set of individuals no threshold was right in 95 % of at least
{identity.FEWEST} answers, so the manifest has no `[individuals]`: everything is unsure, and who is nearest is only a ranking.
"""
    return f"""\
Decided by the calibration below, fitted on {curve["questions"]} questions of a third set of individuals so that 95 % of what is told as
somebody, and of what is told as nobody, is right there:

| question | | right | wrong | unsure | told as new |
|---|---|---|---|---|---|
{decision_row("in the gallery", r["decisions"]["known"])}
{decision_row("not in it", r["decisions"]["unknown"])}

Slope {curve["slope"]:.2f}, intercept {curve["intercept"]:.2f}, known from {curve["known"]:.3f}, new below {curve["new"]:.3f}.
"""


def verdict(r: dict) -> str:
    """Says so first where an embedder was not shown to know anybody: chance lies within Wilson's 95 % bounds of rank-1."""
    m = r["measured"]["flank known"]["all"]
    if decide.bound(round(m["rank1"] * m["known"]), m["known"], 1.96) > m["chance"]:
        return ""
    return """\
**Not shown to be better than chance**: the lower 95 % bound of its rank-1 (Wilson) does not lie above what chance gives.
Tell no animals apart by it.

"""
