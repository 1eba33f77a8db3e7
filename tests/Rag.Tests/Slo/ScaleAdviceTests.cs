using Rag.Slo.Scaling;
using Rag.Telemetry;

namespace Rag.Tests.Slo;

public sealed class ScaleAdviceTests
{
    private const long Now = 1_000_000;

    private static readonly ScaleBounds Bounds = new(3, 20, null, null, null);

    /// <summary>Shares of the last minutes, the newest last.</summary>
    private static ScaleRecommendation Advise(int replicas, ScaleBounds? bounds, params double[] shares) =>
        ScaleAdvice.Of([.. shares.Select((s, i) => new UseMinute(Now - shares.Length + i, s, 0.5, replicas))], Now, replicas, bounds ?? Bounds);

    [Fact]
    public void Five_minutes_above_70_percent_ask_for_what_brings_them_to_70()
    {
        var advice = Advise(3, null, 0.5, 0.9, 0.8, 0.85, 0.75, 0.95);
        // 75 % of 3 replicas are 3.2 at 70 %: the least of the five minutes counts.
        (advice.Direction, advice.Recommended, advice.CpuPercent).ShouldBe((ScaleRecommendation.Up, 4, 95));
        Advise(10, null, 1, 1, 1, 1, 1).Recommended.ShouldBe(15);
    }

    [Theory]
    [InlineData(0.9, 0.9, 0.70, 0.9, 0.9)]
    [InlineData(0.709, 0.9, 0.9, 0.9, 0.9)]
    [InlineData(0.5, 0.5, 0.5, 0.5, 0.5)]
    public void Less_than_five_minutes_above_70_whole_percent_ask_for_nothing(params double[] shares) => Advise(5, null, shares).Direction.ShouldBe(ScaleRecommendation.Stay);

    [Fact]
    public void Ten_minutes_below_30_percent_ask_for_fewer_and_nine_do_not()
    {
        double[] quiet = [.. Enumerable.Repeat(0.1, 8), 0.21, 0.1];
        var advice = Advise(10, null, quiet);
        // The fullest minute counts: 21 % of 10 replicas are 3.
        (advice.Direction, advice.Recommended).ShouldBe((ScaleRecommendation.Down, 3));
        Advise(10, null, quiet[1..]).Direction.ShouldBe(ScaleRecommendation.Stay);
        Advise(10, null, [.. quiet[1..], 0.30]).Direction.ShouldBe(ScaleRecommendation.Stay);
    }

    [Fact]
    public void Bounds_hold_and_are_what_is_approved()
    {
        Advise(18, null, 1, 1, 1, 1, 1).Recommended.ShouldBe(20);
        Advise(20, null, 1, 1, 1, 1, 1).Direction.ShouldBe(ScaleRecommendation.Stay);
        Advise(18, new(3, 30, null, null, null), 1, 1, 1, 1, 1).Recommended.ShouldBe(26);
        Advise(25, null, 0.5, 0.5, 0.5, 0.5, 0.5).Recommended.ShouldBe(20);
        Advise(2, null, 0.5).Recommended.ShouldBe(3);
        Advise(12, new(10, 20, null, null, null), [.. Enumerable.Repeat(0.01, 10)]).Recommended.ShouldBe(10);
    }

    [Fact]
    public void A_minute_that_nobody_measured_makes_it_unknown()
    {
        Advise(5, null, 0.9, 0.9, 0.9, 0.9).Direction.ShouldBe(ScaleRecommendation.Unknown);
        UseMinute[] gap = [.. new long[] { 6, 5, 4, 2, 1 }.Select(ago => new UseMinute(Now - ago, 0.9, 0.5, 5))];
        ScaleAdvice.Of(gap, Now, 5, Bounds).Direction.ShouldBe(ScaleRecommendation.Unknown);
    }
}
