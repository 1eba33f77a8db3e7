using System.Globalization;
using Rag.Slo;

namespace Rag.Compliance;

/// <summary>The objectives over the month, from the counts in the record.</summary>
internal sealed class ObjectivesSection(SloReport slo) : IReportSection
{
    public string Id => "objectives";

    public async Task<ReportSection> MakeAsync(ReportMonth month, CancellationToken ct)
    {
        var counts = await slo.CountAsync(month.From, month.To, ct);
        var rows = new List<ReportRow>();
        int missed = 0, without = 0;
        foreach (var objective in Objectives.All)
        {
            var (good, total) = counts[objective.Name];
            double? attained = total == 0 ? null : good / (double)total;
            bool held = attained >= objective.Target;
            if (attained is null) without++;
            else if (!held) missed++;
            rows.Add(new(
                [objective.Title, objective.Promise, attained is { } a ? SloReport.Percent(a, objective.Target) : "no events", attained is null ? "not measured" : held ? "held" : "missed"],
                string.Create(CultureInfo.InvariantCulture, $"{good} good of {total} events, counted by the minute in the record")));
        }
        string state = missed > 0 ? ReviewState.Attention : without == Objectives.All.Count ? ReviewState.Unproven : ReviewState.InOrder;
        string summary = missed > 0 ? $"{missed} of {Objectives.All.Count} objectives were missed." : without == Objectives.All.Count ? "Nothing was served in this month that objectives count." : $"All objectives that had events were held{(without > 0 ? $"; {without} had none" : "")}.";
        return new(Id, "Service level objectives", "Availability 99.9 %, response time below 500 ms at p95, error rate below 0.1 %, cache hit rate above 85 %.", state, summary, ["Objective", "Promise", "Attained", "Held"], rows);
    }
}
