using Rag.Foundation;
using Rag.Slo;
using Rag.Slo.Export;

namespace Rag.Incidents;

/// <summary>
/// Opens incidents about the product's own error budgets, where no Prometheus does: the burn rates that page, from the counts
/// in the record. They have the names of Prometheus' alerts, so that both are one incident; each is resolved when it is over.
/// </summary>
internal sealed class ObjectiveWatch(SloReport slo, IncidentDesk desk, IncidentsOptions options, TimeProvider time)
{
    public async Task RunAsync(CancellationToken ct)
    {
        if (!options.WatchObjectives) return;
        var pages = Objectives.All.SelectMany(o => Objectives.BurnRatesOf(o).Where(b => b.Severity == Severity.Page).Select(b => (Objective: o, Burn: b))).ToList();
        var counts = new Dictionary<string, IReadOnlyDictionary<string, (long Good, long Total)>>();
        foreach (string window in pages.SelectMany(p => (string[])[p.Burn.Short, p.Burn.Long]).Distinct()) counts[window] = await slo.CountAsync(CountRules.Length(window), ct);
        var incidents = await desk.ListAsync(all: true, IncidentDesk.MaxList, ct);
        var alerts = new List<Alert>();
        foreach (var (objective, burn) in pages)
        {
            bool burns = Burns(objective, burn, counts[burn.Short], counts[burn.Long]);
            string fingerprint = $"rag:objective:{objective.Name}:{burn.Long}";
            long? since = Since(incidents, fingerprint);
            if (burns != (since is not null)) alerts.Add(AlertOf(objective, burn, fingerprint, since));
        }
        if (alerts.Count > 0) await desk.TakeAsync(alerts, ct);
    }

    public static bool Burns(Objective objective, BurnRate burn, IReadOnlyDictionary<string, (long Good, long Total)> shortWindow, IReadOnlyDictionary<string, (long Good, long Total)> longWindow)
    {
        var (good, total) = longWindow[objective.Name];
        return total - good >= ObjectiveAlerts.MinBad(objective) && SloReport.BurnRate(objective, longWindow[objective.Name]) > burn.Factor && SloReport.BurnRate(objective, shortWindow[objective.Name]) > burn.Factor;
    }

    /// <summary>Since when it was said to burn, and not to be over; whoever resolved the incident meanwhile did not end that.</summary>
    private static long? Since(IReadOnlyList<Incident> incidents, string fingerprint)
    {
        var ours = incidents.SelectMany(i => i.Events).Where(e => e.Data.Fingerprint == fingerprint).ToList();
        var over = ours.Where(e => e.Kind == IncidentKind.AlertResolved).Select(e => e.Data.StartsAt).ToHashSet();
        return ours.Where(e => e.Kind == IncidentKind.AlertFired && !over.Contains(e.Data.StartsAt)).Max(e => e.Data.StartsAt);
    }

    private Alert AlertOf(Objective objective, BurnRate burn, string fingerprint, long? since)
    {
        var rule = ObjectiveAlerts.Burns(objective, burn);
        var now = Clock.FromMicroseconds(time.Microseconds());
        var labels = new Dictionary<string, string> { ["alertname"] = rule.Name, ["severity"] = rule.Severity, ["objective"] = objective.Name, ["window"] = burn.Long };
        return new(
            rule.Name, fingerprint, since is { } at ? Clock.FromMicroseconds(at) : now, since is null ? null : now, AlertReader.Grade(rule.Name, labels), rule.Summary,
            $"By the product's own counts, the share of bad events of the last {burn.Short} and of the last {burn.Long} is more than {Yaml.Number(burn.Factor)} times what the objective allows ({objective.Promise}).\nRunbook: {rule.RunbookUrl}",
            labels, null, Actors.Product);
    }
}
