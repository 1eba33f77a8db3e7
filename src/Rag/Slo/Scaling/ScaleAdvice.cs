using System.Globalization;
using Rag.Telemetry;

namespace Rag.Slo.Scaling;

/// <summary>
/// The runbook's scaling guidelines as a number of replicas, reckoned as the autoscaler of deploy/kubernetes does: whole per cent, up to
/// the least that any of the last five minutes asks for, down to the most that any of the last ten does.
/// </summary>
internal static class ScaleAdvice
{
    public const int TargetPercent = 70, LowPercent = 30, UpMinutes = 5, DownMinutes = 10;

    /// <param name="use">Use by the minute, as the record has it.</param>
    /// <param name="minute">The present minute, which is not over and does not count.</param>
    /// <param name="replicas">That run now.</param>
    public static ScaleRecommendation Of(IReadOnlyList<UseMinute> use, long minute, int replicas, ScaleBounds bounds)
    {
        var percents = use.Where(u => u.Minute >= minute - DownMinutes && u.Minute < minute).ToDictionary(u => u.Minute, u => (int)(u.CpuShare * 100));
        int? now = percents.TryGetValue(minute - 1, out int last) ? last : null;
        ScaleRecommendation Say(int wanted, string reason, string? direction = null)
        {
            int bounded = Math.Clamp(wanted, bounds.Min, bounds.Max);
            if (bounded != wanted) reason += $" Between {bounds.Min} and {bounds.Max} are allowed.";
            return new(replicas, bounded, direction ?? (bounded > replicas ? ScaleRecommendation.Up : bounded < replicas ? ScaleRecommendation.Down : ScaleRecommendation.Stay), now, reason);
        }

        if (replicas < bounds.Min) return Say(bounds.Min, $"At least {bounds.Min} replicas run always.");
        if (replicas > bounds.Max) return Say(bounds.Max, $"No more than {bounds.Max} replicas are approved.");
        if (Last(percents, minute, UpMinutes) is not { } five) return Say(replicas, $"Less than {UpMinutes} minutes in a row were measured.", ScaleRecommendation.Unknown);
        if (five.All(p => p > TargetPercent))
            return Say(five.Min(p => Wanted(replicas, p)), $"CPU was above {TargetPercent} % in every one of the last {UpMinutes} minutes: {Range(five)}.");
        if (Last(percents, minute, DownMinutes) is { } ten && ten.All(p => p < LowPercent))
            return Say(ten.Max(p => Wanted(replicas, p)), $"CPU was below {LowPercent} % in every one of the last {DownMinutes} minutes: {Range(ten)}.");
        return Say(replicas, $"CPU was neither above {TargetPercent} % for {UpMinutes} minutes nor below {LowPercent} % for {DownMinutes}: {Range(five)} in the last {UpMinutes}.");
    }

    private static int Wanted(int replicas, int percent) => (int)Math.Ceiling(replicas * (percent / (double)TargetPercent));

    private static List<int>? Last(Dictionary<long, int> percents, long minute, int count)
    {
        var last = new List<int>();
        for (long m = minute - count; m < minute; m++)
        {
            if (!percents.TryGetValue(m, out int percent)) return null;
            last.Add(percent);
        }
        return last;
    }

    private static string Range(List<int> percents) =>
        percents.Min() == percents.Max() ? string.Create(CultureInfo.InvariantCulture, $"{percents[0]} %") : string.Create(CultureInfo.InvariantCulture, $"{percents.Min()} to {percents.Max()} %");
}
