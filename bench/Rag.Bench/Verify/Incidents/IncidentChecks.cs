using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Rag.Bench.Verify.Production;
using Rag.Testing;

namespace Rag.Bench.Verify.Incidents;

/// <summary>From a fault to whoever must know of it.</summary>
internal static class IncidentChecks
{
    private const string Alert = "DatabaseDown";
    private static readonly TimeSpan Respond = TimeSpan.FromMinutes(15), OpenLimit = TimeSpan.FromMinutes(5), Settle = TimeSpan.FromSeconds(75), ResolveLimit = TimeSpan.FromMinutes(6), Poll = TimeSpan.FromSeconds(1);

    public static IEnumerable<Check> All()
    {
        yield return new("database-killed", "what differs from: one open P0 with the right deadline, told of once by mail and webhook, escalated only where nobody acknowledged, resolved when PostgreSQL is back", Relation.AtMost, 0, DatabaseKilledAsync);
        yield return new("deadlines", "deadlines that differ from what the calendar says, over time zones, changes of clocks, year ends, leap days and holidays", Relation.AtMost, 0, (context, _) =>
        {
            int cases = context.Quick ? 20_000 : 1_000_000;
            int seed = Environment.TickCount;
            return Task.FromResult(new Measured(DeadlineProperties.Check(cases, seed), string.Create(CultureInfo.InvariantCulture, $"{cases} cases, seed {seed}")));
        });
        yield return new("storm", "incidents lost or doubled and notifications lost or doubled, 1,000 alerts in a minute at three replicas, two of which are killed meanwhile", Relation.AtMost, 0, StormCheck.MeasureAsync);
    }

    private static async Task<Measured> DatabaseKilledAsync(CheckContext context, CancellationToken ct)
    {
        if (LocalCluster.MissingWithMonitoring is { } missing) throw new CannotMeasureException(missing);
        await using var mail = MailServer.Start();
        await using var hook = HttpInbox.Start();
        await using var cluster = await LocalCluster.StartAsync(context.Quick ? 2 : 3, Receivers.Settings(mail, hook), proxies: false, ct, monitoring: !context.Quick);
        using var http = new HttpClient { BaseAddress = cluster.Balancer, Timeout = TimeSpan.FromSeconds(30) };
        var wrong = new List<string>();
        var notes = new List<string>();
        // Two that people opened at the same time: one is acknowledged, the other is not.
        string left = await OpenAsync(http, "Nobody takes this one", ct), taken = await OpenAsync(http, "Somebody takes this one", ct);
        long opened = Stopwatch.GetTimestamp();
        await StepAsync(http, taken, "acknowledge", new { role = "on-call-engineer" }, ct);

        await cluster.KillAsync("postgres", ct);
        long killed = Stopwatch.GetTimestamp();
        if (context.Quick) await PostAlertAsync(http, firing: true, ct);
        var incident = await FindAsync(http, OpenLimit, killed, ct) ?? throw new InvalidOperationException($"After {OpenLimit} there is no incident about {Alert}.");
        string id = incident.GetProperty("id").GetString()!;
        notes.Add(string.Create(CultureInfo.InvariantCulture, $"open {Stopwatch.GetElapsedTime(killed).TotalSeconds:F0} s after PostgreSQL was killed"));
        if (incident.GetProperty("severity").GetString() != "P0") wrong.Add($"its severity is {incident.GetProperty("severity")}");
        var deadline = incident.GetProperty("deadline").GetDateTimeOffset() - incident.GetProperty("opened_at").GetDateTimeOffset();
        if (deadline != Respond) wrong.Add($"its deadline is {deadline} after its opening");
        // Whoever is asked says the same, without a database.
        foreach (var replica in cluster.Replicas)
        {
            using var one = new HttpClient { BaseAddress = replica };
            if (await FindAsync(one, TimeSpan.FromSeconds(10), Stopwatch.GetTimestamp(), ct) is null) wrong.Add($"{replica} does not know of it");
        }
        // Time for what would come twice: Alertmanager posts again, replicas look again.
        await Task.Delay(context.Quick ? TimeSpan.FromSeconds(3) : Settle, ct);
        if (context.Quick) await PostAlertAsync(http, firing: true, ct);
        Receivers.Once(wrong, mail, hook, id, "opened", "oncall@example.org");
        await StepAsync(http, id, "acknowledge", new { role = "on-call-engineer" }, ct);

        await cluster.StartAsync("postgres", ct);
        long back = Stopwatch.GetTimestamp();
        if (context.Quick)
        {
            // What waited for the record is written first; what is resolved before is told of half a minute later, lest two tell of it.
            await Task.Delay(TimeSpan.FromSeconds(6), ct);
            await PostAlertAsync(http, firing: false, ct);
        }
        if (!await ResolvedAsync(http, id, context.Quick ? TimeSpan.FromSeconds(30) : ResolveLimit, ct)) wrong.Add("it is not resolved, although PostgreSQL is back");
        notes.Add(string.Create(CultureInfo.InvariantCulture, $"resolved {Stopwatch.GetElapsedTime(back).TotalSeconds:F0} s after it was started again"));
        await Receivers.EventuallyAsync(() => hook.All.Any(r => Receivers.Is(r, id, "resolved")) && mail.Messages.Any(m => Receivers.Is(m, id, "resolved")), TimeSpan.FromSeconds(75), ct);
        Receivers.Once(wrong, mail, hook, id, "resolved", "oncall@example.org");

        if (!context.Quick)
        {
            // The deadline of those that people opened; only one of them goes to the next rung.
            var wait = Respond + TimeSpan.FromSeconds(20) - Stopwatch.GetElapsedTime(opened);
            if (wait > TimeSpan.Zero) await Task.Delay(wait, ct);
            Receivers.Once(wrong, mail, hook, left, "escalated", "devops@example.org");
            if (hook.All.Any(r => Receivers.Is(r, taken, "escalated")) || mail.Messages.Any(m => Receivers.Is(m, taken, "escalated"))) wrong.Add("what was acknowledged was escalated");
            if (hook.All.Any(r => Receivers.Is(r, id, "escalated"))) wrong.Add("the acknowledged incident of the database was escalated");
            notes.Add("one of two opened by hand went to the next rung after 15 minutes, the acknowledged one did not");
        }
        else notes.Add("smaller: Alertmanager's post made by hand, two replicas, no wait for the deadline");
        return new(wrong.Count, string.Join("; ", notes.Concat(wrong)));
    }

    private static async Task<string> OpenAsync(HttpClient http, string title, CancellationToken ct) =>
        (await ProductionCluster.PostAsync(http, "/admin/v1/incidents", new { title, severity = "P0" }, ct)).GetProperty("incident").GetProperty("id").GetString()!;

    private static Task StepAsync(HttpClient http, string id, string step, object body, CancellationToken ct) => ProductionCluster.PostAsync(http, $"/admin/v1/incidents/{id}/{step}", body, ct);

    private static async Task<JsonElement?> FindAsync(HttpClient http, TimeSpan limit, long since, CancellationToken ct)
    {
        while (true)
        {
            try
            {
                var list = await http.GetFromJsonAsync<JsonElement>("/admin/v1/incidents?state=open", ct);
                foreach (var i in list.GetProperty("incidents").EnumerateArray()) if (i.GetProperty("key").GetString() == Alert) return i.Clone();
            }
            catch (HttpRequestException) when (Stopwatch.GetElapsedTime(since) < limit)
            {
                // The record has just gone.
            }
            if (Stopwatch.GetElapsedTime(since) > limit) return null;
            await Task.Delay(Poll, ct);
        }
    }

    private static async Task<bool> ResolvedAsync(HttpClient http, string id, TimeSpan limit, CancellationToken ct)
    {
        long started = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(started) < limit)
        {
            try
            {
                var detail = await http.GetFromJsonAsync<JsonElement>($"/admin/v1/incidents/{id}", ct);
                if (detail.GetProperty("incident").GetProperty("state").GetString() == "resolved") return true;
            }
            catch (HttpRequestException)
            {
                // Not there yet.
            }
            await Task.Delay(Poll, ct);
        }
        return false;
    }

    private static readonly DateTimeOffset Started = TimeProvider.System.GetUtcNow();

    private static async Task PostAlertAsync(HttpClient http, bool firing, CancellationToken ct) => await ProductionCluster.PostAsync(http, "/admin/v1/alerts", AlertPost.Of(Alert, "page",
        [new("replica-1", "f1", Started, firing ? null : TimeProvider.System.GetUtcNow())]), ct);
}

/// <summary>Where notifications go: a real mail server and a real HTTP receiver.</summary>
internal static class Receivers
{
    public static IReadOnlyList<string> Settings(MailServer mail, HttpInbox hook) =>
    [
        "Contacts:Smtp:Host=127.0.0.1", $"Contacts:Smtp:Port={mail.Port}", "Contacts:Smtp:Security=none", "Contacts:Smtp:From=rag@example.org",
        "Contacts:OnCallEngineer:Email=oncall@example.org", $"Contacts:OnCallEngineer:Webhook={hook.Address}on-call",
        "Contacts:DevOpsTeam:Email=devops@example.org", $"Contacts:DevOpsTeam:Webhook={hook.Address}devops",
    ];

    public static bool Is(Received received, string incident, string step)
    {
        using var body = JsonDocument.Parse(received.Body);
        return Same(body.RootElement.GetProperty("incident_id").GetString()!, incident) && body.RootElement.GetProperty("step").GetString() == step;
    }

    public static bool Is(MimeKit.MimeMessage mail, string incident, string step) =>
        mail.TextBody is { } text && mail.Subject is { } subject && text.Contains(incident, StringComparison.Ordinal) &&
        (step == "opened" ? !subject.EndsWith(')') : subject.EndsWith($"({step})", StringComparison.Ordinal));

    public static void Once(List<string> wrong, MailServer mail, HttpInbox hook, string incident, string step, string to)
    {
        int hooks = hook.All.Count(r => Is(r, incident, step)), mails = mail.Messages.Count(m => Is(m, incident, step) && m.To.Mailboxes.Any(a => a.Address == to));
        if (hooks != 1) wrong.Add($"{incident} {step}: posted {hooks} times");
        if (mails != 1) wrong.Add($"{incident} {step}: mailed to {to} {mails} times");
    }

    public static async Task EventuallyAsync(Func<bool> holds, TimeSpan limit, CancellationToken ct)
    {
        long started = Stopwatch.GetTimestamp();
        while (!holds() && Stopwatch.GetElapsedTime(started) < limit) await Task.Delay(200, ct);
    }

    private static bool Same(string one, string other) => one == other || other.EndsWith(one, StringComparison.Ordinal) || one.EndsWith(other, StringComparison.Ordinal);
}

internal sealed record PostedAlert(string Replica, string Fingerprint, DateTimeOffset StartsAt, DateTimeOffset? EndsAt);

/// <summary>What Alertmanager posts (webhook, version 4).</summary>
internal static class AlertPost
{
    public static object Of(string name, string severity, IReadOnlyList<PostedAlert> alerts) => new
    {
        version = "4",
        groupKey = $"{{}}/{{severity=\"{severity}\"}}:{{alertname=\"{name}\"}}",
        status = alerts.All(a => a.EndsAt is not null) ? "resolved" : "firing",
        receiver = severity,
        groupLabels = new { alertname = name },
        commonLabels = new { alertname = name, severity },
        commonAnnotations = new { },
        externalURL = "http://127.0.0.1:9093",
        truncatedAlerts = 0,
        alerts = alerts.Select(a => new
        {
            status = a.EndsAt is null ? "firing" : "resolved",
            labels = new { alertname = name, severity, replica = a.Replica },
            annotations = new { summary = $"{name} at {a.Replica}", description = "It is so." },
            startsAt = a.StartsAt,
            endsAt = a.EndsAt ?? DateTimeOffset.MinValue,
            generatorURL = "http://127.0.0.1:9090/graph",
            fingerprint = a.Fingerprint,
        }),
    };
}
