namespace Rag.Slo;

/// <summary>Good and all events of an objective.</summary>
public sealed record EventCount(long Good, long Total)
{
    internal long Bad => Total - Good;
}

/// <summary>The time before a deployment, and where it was when watching began. A caller keeps it and sends it back, so that any replica can go on.</summary>
/// <param name="Events">By objective, of the time before.</param>
/// <param name="EventsOfThisMinute">By objective, what was counted already in the minute in which watching began; not part of the time after.</param>
/// <param name="CpuShare">Mean of the minutes before; null where none was recorded.</param>
/// <param name="MemoryShare">The most that a replica used; null where none was recorded.</param>
/// <param name="Alerts">What was wrong already, under the names of the product's own alerts.</param>
public sealed record DeployBaseline(
    DateTimeOffset At, double BeforeSeconds, IReadOnlyDictionary<string, EventCount> Events, IReadOnlyDictionary<string, EventCount> EventsOfThisMinute,
    double? CpuShare, double? MemoryShare, int ReplicasUp, IReadOnlyList<string> Versions, IReadOnlyList<string> Alerts);

/// <summary>The time since, up to now.</summary>
/// <param name="Events">By objective, since watching began.</param>
/// <param name="CpuShare">Mean of the last <see cref="DeployLimits.UseMinutes"/> whole minutes; null where none was recorded.</param>
/// <param name="MemoryShare">The most that a replica used in those minutes; null where none was recorded.</param>
/// <param name="IndexLagSeconds">Of the replica that lags most.</param>
/// <param name="Alerts">What is wrong now, under the names of the product's own alerts.</param>
public sealed record DeployFacts(
    DateTimeOffset At, IReadOnlyDictionary<string, EventCount> Events, double? CpuShare, double? MemoryShare, int ReplicasUp, IReadOnlyList<string> Versions, double IndexLagSeconds, IReadOnlyList<string> Alerts);
