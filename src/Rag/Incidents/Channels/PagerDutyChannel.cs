using System.Text.Json;
using System.Text.Json.Serialization;

namespace Rag.Incidents.Channels;

/// <summary>PagerDuty's Events API v2. One incident of ours is one of theirs, by <c>dedup_key</c>.</summary>
internal sealed class PagerDutyChannel(ContactOptions contacts, HttpSender sender) : INotificationChannel
{
    private const int MaxSummaryChars = 1_024;

    public string Name => "pagerduty";

    public bool Serves(string role) => contacts.Roles().TryGetValue(role, out var channels) && channels.PagerDutyRoutingKeyFile.Length > 0;

    public async Task<SendResult> SendAsync(Notification notification, CancellationToken ct)
    {
        string key = Secrets.Read(contacts.Roles()[notification.Role].PagerDutyRoutingKeyFile);
        string action = notification.Step switch { "resolved" => "resolve", "acknowledged" => "acknowledge", _ => "trigger" };
        string summary = Texts.Subject(notification);
        var severity = notification.Severity switch { "P0" => "critical", "P1" => "error", "P2" => "warning", _ => "info" };
        // Each role has a service of its own, in which the incident is one.
        var sent = new PagerDutyEvent(
            key, action, notification.IncidentId, "rag-system",
            new(summary.Length <= MaxSummaryChars ? summary : summary[..MaxSummaryChars], "rag-system", severity, new Dictionary<string, string> { ["text"] = notification.Text, ["step"] = notification.Step, ["key"] = notification.Key }),
            notification.Link is { } link ? [new(link, "The incident")] : []);
        var address = new Uri(contacts.PagerDutyUrl);
        var result = await sender.PostAsync(address.Authority, address, JsonSerializer.SerializeToUtf8Bytes(sent, ChannelsJson.Default.PagerDutyEvent), [], ct);
        if (notification.Step != "test" || !result.Sent) return result;
        // A test must leave nobody paged.
        return await sender.PostAsync(address.Authority, address, JsonSerializer.SerializeToUtf8Bytes(sent with { EventAction = "resolve" }, ChannelsJson.Default.PagerDutyEvent), [], ct);
    }
}

internal sealed record PagerDutyEvent(string RoutingKey, string EventAction, string DedupKey, string Client, PagerDutyPayload Payload, IReadOnlyList<PagerDutyLink> Links);

internal sealed record PagerDutyPayload(string Summary, string Source, string Severity, IReadOnlyDictionary<string, string> CustomDetails);

internal sealed record PagerDutyLink(string Href, string Text);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Notification))]
[JsonSerializable(typeof(SlackMessage))]
[JsonSerializable(typeof(PagerDutyEvent))]
internal sealed partial class ChannelsJson : JsonSerializerContext;
