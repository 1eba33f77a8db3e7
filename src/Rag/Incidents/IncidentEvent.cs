using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Rag.Foundation;

namespace Rag.Incidents;

/// <summary>What can happen to an incident.</summary>
internal static class IncidentKind
{
    public const string
        Opened = "opened", AlertFired = "alert-fired", AlertResolved = "alert-resolved", SeverityChanged = "severity-changed", Acknowledged = "acknowledged",
        Assigned = "assigned", Escalated = "escalated", Notified = "notified", NotifyFailed = "notify-failed", Note = "note", ActionItem = "action-item",
        Resolved = "resolved", Reopened = "reopened";

    /// <summary>Order of events of the same instant.</summary>
    public static readonly IReadOnlyList<string> All =
        [Opened, AlertFired, Reopened, SeverityChanged, Assigned, Acknowledged, Escalated, Note, ActionItem, AlertResolved, Resolved, Notified, NotifyFailed];
}

/// <summary>What an event says beyond its kind; which of it is there depends on the kind.</summary>
/// <param name="Key">opened: what the incident is about; alerts of one name share it.</param>
/// <param name="ReceivedAt">When the product heard of it, UTC microseconds: response times run from here, not from a time that others claim.</param>
/// <param name="StartsAt">alert-fired, alert-resolved: since when the alert fires, UTC microseconds; with the fingerprint it names one firing.</param>
/// <param name="Covers">resolved: the firings that whoever resolved it knew of; what he did not know of keeps the incident open.</param>
/// <param name="Round">escalated: which opening of the incident it belongs to, from 1.</param>
/// <param name="Level">escalated: rung of the ladder, from 1.</param>
/// <param name="Due">action-item: the day by which it is to be done, yyyy-MM-dd.</param>
internal sealed record IncidentData(
    string? Key = null, string? Title = null, string? Severity = null, string? Text = null, string? Fingerprint = null, long? StartsAt = null, long? ReceivedAt = null,
    IReadOnlyDictionary<string, string>? Labels = null, string? Source = null, string? Role = null, string? Channel = null, string? Step = null,
    IReadOnlyList<string>? Covers = null, int? Round = null, int? Level = null, string? Due = null);

/// <param name="Id">The same thing told twice, or to several replicas, has the same id and is one event.</param>
/// <param name="Actor"><c>alertmanager</c>, <c>rag-system</c> or <c>operator</c>; never a person's name.</param>
internal sealed record IncidentEvent(string Id, string IncidentId, DateTimeOffset At, string Kind, string Actor, IncidentData Data);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(IncidentData))]
[JsonSerializable(typeof(SpoolLine))]
internal sealed partial class IncidentEventJson : JsonSerializerContext
{
    public static string Write(IncidentData data) => JsonSerializer.Serialize(data, Default.IncidentData);

    public static IncidentData Read(string json) => JsonSerializer.Deserialize(json, Default.IncidentData)!;
}

/// <summary>Ids that follow from what they name, so that whoever hears of the same thing gives it the same id.</summary>
internal static class IncidentIds
{
    private const int Chars = 32, ShortChars = 8;
    private const string Prefix = "INC-";

    public static string Of(params ReadOnlySpan<string> parts)
    {
        // Lengths in front, so that no two lists of parts read the same.
        var text = new System.Text.StringBuilder();
        foreach (string part in parts) text.Append(part.Length.ToString(CultureInfo.InvariantCulture)).Append(':').Append(part);
        return Sha256.Hex(text.ToString())[..Chars];
    }

    /// <summary>One firing of an alert.</summary>
    public static string Firing(string fingerprint, long startsAt) => Of("firing", fingerprint, startsAt.ToString(CultureInfo.InvariantCulture));

    /// <summary>The name that people use.</summary>
    public static string Short(string id) => Prefix + id[..ShortChars];

    /// <summary>The beginning of an id, as people write it: <c>INC-1a2b3c4d</c>, or more or less of it.</summary>
    /// <exception cref="RagException">Invalid: it is none.</exception>
    public static string ParsePrefix(string written)
    {
        string prefix = (written.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase) ? written[Prefix.Length..] : written).ToLowerInvariant();
        if (prefix.Length is < 4 or > Chars || !prefix.All(char.IsAsciiHexDigitLower)) throw new RagException(ErrorKind.Invalid, $"'{written}' is not the name of an incident.", "Write it as 'rag incidents list' shows it, such as INC-1a2b3c4d.");
        return prefix;
    }
}
