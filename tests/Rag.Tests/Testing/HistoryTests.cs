using Rag.Testing;

namespace Rag.Tests.Testing;

/// <summary>Each rule of the history checker, broken once: a checker that finds nothing would prove nothing.</summary>
public sealed class HistoryTests
{
    private static readonly History Good = new(
        [
            new("a", "a1", 0, 10, true, Version: 1, Position: 1),
            new("b", "b1", 0, 12, true, Version: 1, Position: 2),
            new("a", "a2", 20, 90, false),
            new("a", "a3", 100, 110, true, Version: 2, Position: 3),
            new("b", "b2", 100, 105, false),
        ],
        [
            new("replica-1", "a", 11, 15, WaitedFor: 1, IndexPosition: 1, Version: 1, Value: "a1"),
            new("replica-2", "a", 111, 115, WaitedFor: 3, IndexPosition: 4, Version: 2, Value: "a3"),
            new("replica-2", "b", 111, 115, WaitedFor: 1, IndexPosition: 1, Version: null, Value: null),
        ],
        [new(1, "a", 1, "a1"), new(2, "b", 1, "b1"), new(3, "a", 2, "a3"), new(4, "b", 2, "b2")],
        [
            new("replica-1", 0, 2, Leads: true), new("replica-2", 0, 2, Leads: false),
            new("replica-1", 50, 52, Leads: false), new("replica-2", 53, 55, Leads: true),
        ],
        [new(0, 1, "replica-1", 1), new(30, 31, "replica-2", 2), new(60, 61, "replica-2", 2)]);

    [Fact]
    public void A_history_that_keeps_every_rule_has_no_violation() => Good.Violations().ShouldBeEmpty();

    [Fact]
    public void An_unacknowledged_write_may_be_there_or_not() =>
        (Good with { Record = [.. Good.Record.SkipLast(1)] }).Violations().ShouldBeEmpty();

    [Fact]
    public void An_acknowledged_write_that_the_record_lacks_is_lost() =>
        Breaks(Good with { Record = [.. Good.Record.Where(e => e.Value != "b1" && e.Value != "b2")] }, "b=b1 was acknowledged and is not in the record");

    [Fact]
    public void An_acknowledged_write_stands_where_it_was_acknowledged()
    {
        Breaks(Good with { Writes = [.. Good.Writes.Select(w => w.Value == "b1" ? w with { Position = 9 } : w)] }, "acknowledged at 9 and stands at 2");
        Breaks(Good with { Writes = [.. Good.Writes.Select(w => w.Value == "a3" ? w with { Version = 5 } : w)] }, "acknowledged as version 5 and is version 2");
    }

    [Fact]
    public void A_write_that_was_applied_twice_is_found() =>
        Breaks(Good with { Record = [.. Good.Record, new(5, "a", 3, "a3")] }, "a=a3 was applied 2 times, as versions 2, 3");

    [Fact]
    public void A_version_that_is_there_twice_or_left_out_is_found()
    {
        Breaks(Good with { Record = [.. Good.Record, new(5, "b", 2, "b2")] }, "b goes from version 2 to 2");
        Breaks(Good with { Record = [.. Good.Record.Where(e => e.Value != "b1"), new(2, "b", 1, "b1"), new(5, "a", 4, "a2")] }, "a goes from version 2 to 4");
    }

    [Fact]
    public void A_value_that_nobody_wrote_is_found() =>
        Breaks(Good with { Record = [.. Good.Record, new(5, "b", 3, "x")] }, "b=x is in the record and nobody wrote it");

    [Fact]
    public void A_write_that_ended_before_another_began_is_not_applied_after_it() =>
        Breaks(
            new History([new("a", "a1", 0, 10, true, 2), new("a", "a2", 20, 30, true, 1)], [], [new(1, "a", 1, "a2"), new(2, "a", 2, "a1")], [], []),
            "a=a1 had ended before a2 began and was applied after it");

    [Fact]
    public void A_read_shows_what_it_waited_for()
    {
        Breaks(Good with { Reads = [new("replica-2", "a", 111, 115, WaitedFor: 3, IndexPosition: 3, Version: 1, Value: "a1")] }, "showed version 1 of a at 3, where 3 has version 2");
        Breaks(Good with { Reads = [new("replica-2", "a", 111, 115, WaitedFor: 3, IndexPosition: 3, Version: null, Value: null)] }, "showed nothing of a");
        Breaks(Good with { Reads = [new("replica-2", "a", 111, 115, WaitedFor: 3, IndexPosition: 2, Version: 2, Value: "a3")] }, "was to wait for 3 and answered at 2");
        Breaks(Good with { Reads = [new("replica-2", "a", 111, 115, WaitedFor: 3, IndexPosition: 3, Version: 2, Value: "a2")] }, "showed version 2 of a as a2");
    }

    [Fact]
    public void Two_leaders_at_once_are_found() =>
        Breaks(
            Good with
            {
                Claims = [new("replica-1", 0, 2, true), new("replica-2", 5, 7, true), new("replica-1", 10, 12, true)],
                Leases = [new(0, 0, "replica-1", 1), new(20, 21, "replica-1", 1)],
            }, "replica-1 and replica-2 both took themselves for the leader");

    [Fact]
    public void Leadership_that_went_and_came_back_is_no_violation() =>
        (Good with
        {
            Claims = [new("replica-1", 1, 2, true), new("replica-2", 5, 7, true), new("replica-1", 10, 12, true)],
            Leases = [new(0, 0, "replica-1", 1), new(20, 21, "replica-1", 3)],
        }).Violations().ShouldBeEmpty();

    [Fact]
    public void An_epoch_has_one_holder_and_never_falls()
    {
        Breaks(Good with { Leases = [new(0, 1, "replica-1", 1), new(5, 6, "replica-2", 1)] }, "epoch 1 belonged to replica-1 and to replica-2");
        Breaks(Good with { Leases = [new(0, 1, "replica-1", 2), new(5, 6, "replica-1", 1)] }, "the epoch fell from 2 to 1");
    }

    private static void Breaks(History history, string violation) => history.Violations().ShouldContain(v => v.Contains(violation, StringComparison.Ordinal));
}
