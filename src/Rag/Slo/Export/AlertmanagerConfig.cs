namespace Rag.Slo.Export;

/// <summary>The configuration of Alertmanager 0.25 or later: who hears of which alert, and which alerts silence which.</summary>
internal static class AlertmanagerConfig
{
    public const string Path = "prometheus/alertmanager.yml";

    /// <summary>A server on this machine.</summary>
    public const string DefaultServer = "http://127.0.0.1:8080";

    /// <summary>Where the product takes alerts, below its address.</summary>
    public const string Endpoint = "/admin/v1/alerts";

    private sealed record Inhibition(string Why, IReadOnlyList<string> Source, IReadOnlyList<string> Target, IReadOnlyList<string> Equal);

    /// <param name="server">Address of the product, or of the balancer before it; without a slash at its end.</param>
    public static string Generate(string server = DefaultServer) =>
        $"""
        # Alertmanager 0.25 or later for the alerts of rag-system.rules.yml, made from src/Rag/Slo. Change it there; the tests
        # rewrite this file with RAG_UPDATE_DEPLOY=1. Add a pager to the receiver "page" and a tracker to the receiver "ticket".
        # In mode keys each webhook of the product needs a key of role operator, in a file that Alertmanager can read:
        #   http_config:
        #     authorization:
        #       credentials_file: /etc/alertmanager/rag-key
        route:
          # What no route below knows is a ticket: nothing gets lost.
          receiver: ticket
          group_by: [alertname]
          group_wait: 2m
          group_interval: 30m
          repeat_interval: 1d
          routes:
            # The runbook's two rules miss outages and fire without any, whatever severity they claim.
            - matchers: [{Yaml.Quoted(OneOf("alertname", PrometheusRules.NamesOfTheRunbook))}]
              receiver: ticket
            # Long enough for the alert that silences its consequences to arrive; repeated within the response time of a P0 incident.
            - matchers: ['severity="{Severity.Page}"']
              receiver: page
              group_wait: 30s
              group_interval: 1m
              repeat_interval: 15m
            - matchers: ['severity="{Severity.None}"']
              receiver: nobody
        inhibit_rules:
        {string.Join('\n', Inhibitions().Select(Written))}
        receivers:
          - name: page
            webhook_configs:
              - url: {Yaml.Quoted(server + Endpoint)}
                send_resolved: true
          - name: ticket
            webhook_configs:
              - url: {Yaml.Quoted(server + Endpoint)}
                send_resolved: true
          - name: nobody

        """.ReplaceLineEndings("\n");

    private static IEnumerable<Inhibition> Inhibitions()
    {
        // A label that both lack counts as equal, so that each side must be asked to have it.
        yield return new("A page says what the ticket of the same objective would.",
            [$"severity=\"{Severity.Page}\"", "objective=~\".+\""], [$"severity=\"{Severity.Ticket}\"", "objective=~\".+\""], ["objective"]);
        yield return new("Without the database writes fail, and with search in the database questions do: as long as the window of the alert reaches there.",
            [$"alertname=\"{ServiceAlerts.DatabaseDownRecently}\""], [$"severity=\"{Severity.Page}\"", "objective=~\".+\"", "window=~\".+\""], ["window"]);
        yield return new("What else follows from a database that is away, or was until some minutes ago.",
            [$"alertname=\"{ServiceAlerts.DatabaseDownRecently}\"", $"window=\"{Objectives.BurnRates.First(b => b.Severity == Severity.Page).Long}\""],
            [OneOf("alertname", PrometheusRules.Alerts.Where(a => a.FollowsDatabase).Select(a => a.Name).Concat(PrometheusRules.NamesOfTheRunbook))], []);
        yield return new("A replica that is down is told of once.",
            [$"alertname=\"{ServiceAlerts.ReplicaDown}\"", "replica=~\".+\""], [$"alertname!=\"{ServiceAlerts.ReplicaDown}\"", "replica=~\".+\""], ["replica"]);
        yield return new("An index that stands still is behind, too.",
            [$"alertname=\"{ServiceAlerts.ChangeLogStuck}\""], [$"alertname=\"{ServiceAlerts.IndexLag}\""], ["replica"]);
        yield return new("The nearer date says enough.",
            [$"alertname=\"{CareAlerts.CertificateExpires}\""], [$"alertname=\"{CareAlerts.CertificateExpiresSoon}\""], ["name"]);
    }

    private static string OneOf(string label, IEnumerable<string> values) => $"{label}=~\"{string.Join('|', values)}\"";

    private static string Written(Inhibition rule)
    {
        var lines = new List<string>
        {
            $"  # {rule.Why}",
            $"  - source_matchers: [{string.Join(", ", rule.Source.Select(Yaml.Quoted))}]",
            $"    target_matchers: [{string.Join(", ", rule.Target.Select(Yaml.Quoted))}]",
        };
        if (rule.Equal.Count > 0) lines.Add($"    equal: [{string.Join(", ", rule.Equal)}]");
        return string.Join('\n', lines);
    }
}
