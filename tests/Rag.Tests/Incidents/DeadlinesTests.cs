using CsCheck;
using Rag.Incidents;
using Rag.Testing;

namespace Rag.Tests.Incidents;

public sealed class DeadlinesTests
{
    [Fact]
    public void Deadlines_hold_in_every_place_and_season() =>
        Gen.Int.Sample(seed => DeadlineProperties.Check(200, seed) == 0, iter: 60);

    [Fact]
    public void The_check_catches_deadlines_that_are_wrong()
    {
        foreach (var (what, violations) in DeadlineProperties.CheckWrongOnes(6_000, 7)) violations.ShouldBeGreaterThan(0, what);
    }

    [Theory]
    [InlineData("P0", "2026-03-29T00:50:00Z", "2026-03-29T01:05:00Z")]
    [InlineData("P1", "2026-12-31T23:30:00Z", "2027-01-01T00:30:00Z")]
    [InlineData("P2", "2026-10-25T00:00:00Z", "2026-10-25T04:00:00Z")]
    // Friday evening, and the clocks go on in the night to Sunday: Monday 17:00 in Berlin is 15:00 UTC.
    [InlineData("P3", "2026-03-27T19:00:00Z", "2026-03-30T15:00:00Z")]
    // Half past eleven in the evening UTC is the next day in Berlin.
    [InlineData("P3", "2026-03-03T23:30:00Z", "2026-03-05T16:00:00Z")]
    // The day before a leap day, and the day before the first of March of another year.
    [InlineData("P3", "2028-02-28T09:00:00Z", "2028-02-29T16:00:00Z")]
    [InlineData("P3", "2027-02-26T09:00:00Z", "2027-03-01T16:00:00Z")]
    // Christmas Eve 2026 is a Thursday; Friday is a holiday, and so is the first of January.
    [InlineData("P3", "2026-12-24T09:00:00Z", "2026-12-28T16:00:00Z")]
    [InlineData("P3", "2026-12-31T09:00:00Z", "2027-01-04T16:00:00Z")]
    public void Deadlines_are_those_of_the_runbook(string severity, string from, string deadline) =>
        Deadlines.Respond(severity, DateTimeOffset.Parse(from), Calendar("Europe/Berlin", "--12-25, --12-26, --01-01")).ShouldBe(DateTimeOffset.Parse(deadline));

    [Fact]
    public void A_day_that_a_place_left_out_is_none_to_respond_on() =>
        // Samoa had no Friday 30 December 2011; Monday 2 January is the next business day, 17:00 at +14.
        Deadlines.Respond("P3", DateTimeOffset.Parse("2011-12-29T20:00:00Z"), Calendar("Pacific/Apia", "")).ShouldBe(DateTimeOffset.Parse("2012-01-02T03:00:00Z"));

    [Fact]
    public void A_holiday_of_one_year_is_none_in_another()
    {
        var calendar = Calendar("UTC", "2026-06-03");
        Deadlines.Respond("P3", DateTimeOffset.Parse("2026-06-02T09:00:00Z"), calendar).ShouldBe(DateTimeOffset.Parse("2026-06-04T17:00:00Z"));
        Deadlines.Respond("P3", DateTimeOffset.Parse("2025-06-02T09:00:00Z"), calendar).ShouldBe(DateTimeOffset.Parse("2025-06-03T17:00:00Z"));
    }

    [Fact]
    public void Mistakes_in_the_configuration_are_named_all_at_once()
    {
        var options = new IncidentsOptions { TimeZone = "Berlin", Holidays = "2026-02-30, --13-01, --02-29", BusinessDays = "Mon", BusinessDayEnd = "25:00", PublicAddress = "rag" };
        options.Escalation.P0 = "the boss";
        options.Validate().Select(e => e.Key).ShouldBe(
            ["Incidents:TimeZone", "Incidents:Holidays", "Incidents:Holidays", "Incidents:BusinessDays", "Incidents:BusinessDayEnd", "Incidents:PublicAddress", "Incidents:Escalation:P0"], ignoreOrder: true);
    }

    private static BusinessCalendar Calendar(string zone, string holidays) => new IncidentsOptions { TimeZone = zone, Holidays = holidays }.Calendar();
}
