using Microsoft.Extensions.Time.Testing;
using Rag.Access;
using Rag.Security;

namespace Rag.Tests.Security;

public sealed class AccessProfileTests
{
    private static readonly DateTimeOffset Noon = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Whoever_is_new_is_not_judged_however_much_they_read() =>
        new AccessProfile().Take(Noon, Documents("d", 1_000), learnHours: 24).ShouldBeEmpty();

    [Fact]
    public void Four_times_as_much_as_ever_is_told_of_once_in_an_hour_and_a_little_more_is_not()
    {
        var profile = Usual(hours: 30, perHour: 40);
        profile.Take(Noon.AddHours(31), Documents("d", 80), 24).ShouldBeEmpty();
        profile.Take(Noon.AddHours(32), Documents("d", 100), 24).ShouldBeEmpty();
        var found = profile.Take(Noon.AddHours(32).AddMinutes(5), Documents("e", 300), 24);
        found.ShouldContain(u => u.Pattern == SecurityPattern.UnusualVolume);
        profile.Take(Noon.AddHours(32).AddMinutes(6), Documents("f", 300), 24).ShouldNotContain(u => u.Pattern == SecurityPattern.UnusualVolume);
    }

    [Fact]
    public void A_raid_does_not_make_the_next_one_usual()
    {
        var profile = Usual(hours: 30, perHour: 10);
        double mean = profile.Mean;
        profile.Take(Noon.AddHours(31), Documents("raid", 3_000), 24).ShouldNotBeEmpty();
        profile.Take(Noon.AddHours(32), Documents("d", 10), 24);
        profile.Mean.ShouldBeLessThan(mean * 2);
        profile.Take(Noon.AddHours(33), Documents("raid2", 3_000), 24).ShouldContain(u => u.Pattern == SecurityPattern.UnusualVolume);
    }

    [Fact]
    public void Whoever_reads_something_new_every_day_may_go_on_and_whoever_never_does_is_told_of()
    {
        var curious = new AccessProfile();
        for (int hour = 0; hour < 30; hour++) curious.Take(Noon.AddHours(hour), Documents($"h{hour}-", 40), 24);
        curious.Take(Noon.AddHours(31), Documents("new", 40), 24).ShouldBeEmpty();
        Usual(hours: 30, perHour: 40).Take(Noon.AddHours(31), Documents("new", 40), 24).ShouldHaveSingleItem().Pattern.ShouldBe(SecurityPattern.UnusualDocuments);
    }

    [Fact]
    public void Many_documents_of_a_collection_never_read_before_are_told_of()
    {
        var curious = new AccessProfile();
        for (int hour = 0; hour < 30; hour++) curious.Take(Noon.AddHours(hour), Documents($"h{hour}-", 40), 24);
        var found = curious.Take(Noon.AddHours(31), Documents("s", 40).Select(d => ("secret", d.Document)), 24);
        found.ShouldHaveSingleItem().Why.ShouldContain("collections never read before");
    }

    [Fact]
    public void It_goes_into_bytes_and_comes_back_the_same()
    {
        var profile = Usual(hours: 30, perHour: 40);
        profile.Take(Noon.AddHours(31), Documents("d", 20), 24);
        byte[] bytes = profile.ToBytes();
        bytes.Length.ShouldBeLessThan(64_000);
        var back = AccessProfile.FromBytes(bytes);
        back.ToBytes().ShouldBe(bytes);
        (back.Hours, back.Mean, back.MeanNewShare).ShouldBe((profile.Hours, profile.Mean, profile.MeanNewShare));
        AccessProfile.FromBytes([]).Hours.ShouldBe(0);
        AccessProfile.FromBytes([1, 2, 3]).Hours.ShouldBe(0);
    }

    [Fact]
    public void Of_more_different_things_than_are_too_many_one_says_so_and_a_window_later_it_begins_anew()
    {
        var time = new FakeTimeProvider(Noon);
        var frequency = new Frequency(10, time);
        Enumerable.Range(0, 100).Count(n => frequency.Add("a", (ulong)n % 9)).ShouldBe(0);
        Enumerable.Range(0, 100).Count(n => frequency.Add("b", (ulong)n)).ShouldBe(1);
        time.Advance(Frequency.Window);
        Enumerable.Range(0, 100).Count(n => frequency.Add("b", (ulong)n)).ShouldBe(1);
    }

    private static AccessProfile Usual(int hours, int perHour)
    {
        var profile = new AccessProfile();
        for (int hour = 0; hour < hours; hour++) profile.Take(Noon.AddHours(hour), Documents("d", perHour), 24);
        return profile;
    }

    private static IEnumerable<(string Collection, string Document)> Documents(string prefix, int count) => Enumerable.Range(0, count).Select(n => ("c", $"{prefix}{n}"));
}
