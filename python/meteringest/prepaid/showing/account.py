"""One account on one page, and lists of accounts."""

from collections.abc import Mapping, Sequence

from meteringest.prepaid.ledger.entries import Balance
from meteringest.prepaid.ledger.ledger import Ledger, account_standing
from meteringest.prepaid.ledger.ports import whole
from meteringest.prepaid.ledger.standing import AccountStanding
from meteringest.prepaid.ledger.terms import load_links, load_terms
from meteringest.prepaid.reads import MeterLink
from meteringest.prepaid.showing.inputs import Account
from meteringest.prepaid.showing.known import is_known
from meteringest.prepaid.showing.outlook import outlook
from meteringest.prepaid.showing.pages import AccountListed, AccountShown, MeterShown, Outlook
from meteringest.prepaid.showing.statements import offset_of
from meteringest.prepaid.worker.ports import Engine


def show(engine: Engine, ledger: Ledger, account: int, now_ms: int) -> AccountShown:
    """As it stands at this moment."""
    rules, balance = ledger.rules(), ledger.balance(account)
    history = load_terms(engine, [account]).of(account)
    links = load_links(engine, [account]).get(account, ())
    standing = account_standing(history, rules, balance, now_ms)
    terms = standing.terms
    tariff = rules.tariff(terms.tariff, standing.today) if terms is not None else None
    return AccountShown(
        account=account,
        known=is_known(engine, ledger, account),
        today=standing.today,
        terms=terms,
        others=[each for each in history if each is not terms],
        tariff=tariff.id if tariff is not None else "",
        balance=balance,
        meters=_meters(engine, links),
        outlook=_outlook(engine, ledger, standing, (account, links), now_ms),
    )


def _outlook(
    engine: Engine,
    ledger: Ledger,
    standing: AccountStanding,
    serving: tuple[int, Sequence[MeterLink]],
    now_ms: int,
) -> Outlook:
    terms, rules = standing.terms, ledger.rules()
    if terms is None:
        return Outlook(unknown="no terms")
    account = Account(serving[0], terms, serving[1], offset_of(rules, standing.history))
    return outlook(engine, rules, account, standing.balance.prepaid, now_ms // 1_000)


def list_accounts(engine: Engine, ledger: Ledger, match: str, limit: int) -> list[AccountListed]:
    """Accounts whose number is, or whose tariff, class or area contains, the match."""
    rows = engine.ask(_LIST, {"match": match, "limit": limit}).rows
    balances = ledger.balances([whole(row[0]) for row in rows])
    return [_listed(row, balances) for row in rows]


def _listed(row: Sequence[object], balances: Mapping[int, Balance]) -> AccountListed:
    account = whole(row[0])
    balance = balances.get(account, Balance())
    return AccountListed(
        account=account,
        payment=str(row[1]),
        tariff=str(row[2]),
        account_class=str(row[3]),
        area=str(row[4]),
        load_w=whole(row[5]),
        prepaid=balance.prepaid,
        postpaid=balance.postpaid,
        arrears=balance.arrears,
    )


def _meters(engine: Engine, links: Sequence[MeterLink]) -> list[MeterShown]:
    if not links:
        return []
    numbers = ", ".join(str(each.meter) for each in links)
    sql = f"SELECT meter, serial FROM m.meters FINAL WHERE meter IN ({numbers})"  # noqa: S608 (numbers)
    serials = {whole(row[0]): str(row[1]) for row in engine.ask(sql).rows}
    return [
        MeterShown(
            serial=serials.get(each.meter, ""),
            meter=each.meter,
            from_s=each.from_s,
            to_s=each.to_s,
            multiplier_ppm=each.multiplier_ppm,
        )
        for each in links
    ]


_LIST = """
SELECT account, argMax(t.payment, t.effective_from) AS payment,
    argMax(t.tariff, t.effective_from) AS tariff, argMax(t.class, t.effective_from) AS class,
    argMax(t.area, t.effective_from) AS area, argMax(t.load_w, t.effective_from)
FROM m.account_terms_v AS t
GROUP BY account
HAVING {match:String} = '' OR toString(account) = {match:String}
    OR positionCaseInsensitive(concat(tariff, ' ', class, ' ', area), {match:String}) > 0
ORDER BY account
LIMIT {limit:UInt32}"""
