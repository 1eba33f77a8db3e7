using System.Text.Json;
using System.Text.Json.Serialization;
using Rag.Foundation;

namespace Rag.Incidents;

/// <summary>What Alertmanager posts: version 4 of its webhook (Prometheus documentation, "Alerting configuration", webhook_config).</summary>
public sealed record AlertmanagerPayload(string? Version, string? GroupKey, string? Status, IReadOnlyList<AlertmanagerAlert?>? Alerts, IReadOnlyDictionary<string, string>? CommonLabels);

/// <param name="EndsAt">Of a resolved alert when it ended; of a firing one when it will be taken as ended, or nothing.</param>
public sealed record AlertmanagerAlert(
    string? Status, IReadOnlyDictionary<string, string>? Labels, IReadOnlyDictionary<string, string>? Annotations,
    [property: JsonPropertyName("startsAt")] DateTimeOffset? StartsAt, [property: JsonPropertyName("endsAt")] DateTimeOffset? EndsAt,
    [property: JsonPropertyName("generatorURL")] string? GeneratorUrl, string? Fingerprint);

/// <summary>An alert that fires or fired, from Alertmanager or from the product itself.</summary>
/// <param name="Key">Its name: alerts of one name are one incident.</param>
/// <param name="EndedAt">Null while it fires.</param>
internal sealed record Alert(
    string Key, string Fingerprint, DateTimeOffset StartsAt, DateTimeOffset? EndedAt, string Severity, string Title, string Text, IReadOnlyDictionary<string, string> Labels, string? Source, string Actor);

/// <summary>Reads what Alertmanager posts, and grades it.</summary>
internal static class AlertReader
{
    public const int MaxBytes = 4 * 1024 * 1024, MaxAlerts = 2_000;

    private const int MaxLabels = 64, MaxChars = 2_000, MaxKeyChars = 200;
    private const string Remedy = "Post what Alertmanager posts to a webhook (version 4); 'rag slo export' writes its configuration.";

    /// <summary>Pages that are more than a major function impaired, and why. A label <c>priority</c> on the alert says otherwise.</summary>
    private static readonly Dictionary<string, string> DownOrAtRisk = new()
    {
        ["DatabaseDown"] = "writes are refused, and what is only in the record is out of reach",
        ["MetricsAbsent"] = "no replica is seen: all may be down, and no other alert can fire",
        ["AvailabilityBurnFast"] = "so many questions fail that the service counts as down",
    };

    /// <summary>The specification's own two rules: they miss outages and fire without any, whatever severity they claim.</summary>
    private static readonly IReadOnlyList<string> Misleading = Slo.Export.PrometheusRules.NamesOfTheRunbook;

    /// <exception cref="RagException">Invalid: it is not what Alertmanager posts, with what is wrong; nothing of it is taken.</exception>
    public static IReadOnlyList<Alert> Read(ReadOnlySpan<byte> json)
    {
        AlertmanagerPayload payload;
        try
        {
            payload = JsonSerializer.Deserialize(json, AlertmanagerJson.Default.AlertmanagerPayload) ?? throw Invalid("is empty");
        }
        catch (JsonException e)
        {
            throw new RagException(ErrorKind.Invalid, $"This is not what Alertmanager posts: {e.Message}", Remedy, e);
        }
        if (payload.Version != "4") throw Invalid($"has version {payload.Version ?? "none"}, not 4");
        if (payload.Alerts is null) throw Invalid("has no alerts");
        if (payload.Alerts.Count > MaxAlerts) throw Invalid($"has more than {MaxAlerts} alerts; lower max_alerts of the webhook");
        return [.. payload.Alerts.Select(Read).OfType<Alert>()];
    }

    /// <summary>Null where the alert is for nobody: it only silences others.</summary>
    private static Alert? Read(AlertmanagerAlert? alert, int index)
    {
        if (alert is null) throw Invalid($"has nothing for alert {index}");
        var labels = alert.Labels ?? new Dictionary<string, string>();
        if (!labels.TryGetValue("alertname", out string? name) || name.Length is 0 or > MaxKeyChars) throw Invalid($"has no name for alert {index}, or one longer than {MaxKeyChars} characters");
        if (labels.Count > MaxLabels) throw Invalid($"has more than {MaxLabels} labels for {name}");
        if (alert.StartsAt is not { } starts || starts.Year < 2000) throw Invalid($"does not say since when {name} fires");
        if (alert.Status is not ("firing" or "resolved")) throw Invalid($"says neither firing nor resolved of {name}");
        if (labels.GetValueOrDefault("severity") == Slo.Export.Severity.None) return null;
        bool fires = alert.Status == "firing";
        // A fingerprint is of the labels; where it is missing, theirs does.
        string fingerprint = alert.Fingerprint is { Length: > 0 and <= MaxKeyChars } given ? given : IncidentIds.Of([.. labels.OrderBy(l => l.Key, StringComparer.Ordinal).SelectMany(l => (string[])[l.Key, l.Value])]);
        var annotations = alert.Annotations ?? new Dictionary<string, string>();
        var text = new[] { annotations.GetValueOrDefault("description"), annotations.GetValueOrDefault("runbook_url") is { } url ? $"Runbook: {url}" : null };
        return new(
            name, fingerprint, Micro(starts), fires ? null : Micro(alert.EndsAt is { } ends && ends > starts ? ends : starts), Grade(name, labels),
            Cut(annotations.GetValueOrDefault("summary") is { Length: > 0 } summary ? summary : name), Cut(string.Join('\n', text.Where(t => !string.IsNullOrEmpty(t)))),
            labels.ToDictionary(l => Cut(l.Key), l => Cut(l.Value)), alert.GeneratorUrl is { } source ? Cut(source) : null, Actors.Alertmanager);
    }

    public static string Grade(string name, IReadOnlyDictionary<string, string> labels)
    {
        if (labels.TryGetValue("priority", out string? priority) && IncidentSeverity.Knows(priority)) return priority;
        if (Misleading.Contains(name) || labels.GetValueOrDefault("severity") != Slo.Export.Severity.Page) return IncidentSeverity.P2;
        return DownOrAtRisk.ContainsKey(name) ? IncidentSeverity.P0 : IncidentSeverity.P1;
    }

    private static DateTimeOffset Micro(DateTimeOffset at) => Clock.FromMicroseconds(Clock.ToMicroseconds(at));

    private static string Cut(string text) => text.Length <= MaxChars ? text : text[..MaxChars];

    private static RagException Invalid(string what) => new(ErrorKind.Invalid, $"What was posted {what}.", Remedy);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(AlertmanagerPayload))]
internal sealed partial class AlertmanagerJson : JsonSerializerContext;
