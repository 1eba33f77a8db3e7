using System.Globalization;
using Rag.Security;

namespace Rag.Compliance;

/// <summary>Attacks and anomalies of the month, by pattern.</summary>
internal sealed class SecuritySection(SecurityRecord security) : IReportSection
{
    public string Id => "security-events";

    public async Task<ReportSection> MakeAsync(ReportMonth month, CancellationToken ct)
    {
        var counts = await security.CountAsync(month.From, month.To, ct);
        return new(Id, "Attacks and anomalies", "Security scan results are reviewed.", ReviewState.InOrder,
            counts.Count == 0 ? "No event was seen." : $"{Show.Count(counts.Sum(c => c.Events), "event")} of {Show.Count(counts.Count, "pattern")}.",
            ["Pattern", "Events", "Callers", "First", "Last"],
            [.. counts.Select(c => new ReportRow(
                [c.Pattern, c.Events.ToString(CultureInfo.InvariantCulture), c.Callers.ToString(CultureInfo.InvariantCulture), Show.Minute(c.First), Show.Minute(c.Last)], $"rag security events --pattern {c.Pattern}"))]);
    }
}
