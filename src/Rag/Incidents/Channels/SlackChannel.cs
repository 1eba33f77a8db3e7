using System.Text.Json;

namespace Rag.Incidents.Channels;

/// <summary>An incoming webhook as Slack has it, and others that take the same: an object with <c>text</c>.</summary>
internal sealed class SlackChannel(ContactOptions contacts, HttpSender sender) : INotificationChannel
{
    /// <summary>Slack cuts longer texts.</summary>
    private const int MaxChars = 3_000;

    public string Name => "slack";

    public bool Serves(string role) => contacts.Roles().TryGetValue(role, out var channels) && channels.SlackUrlFile.Length > 0;

    public async Task<SendResult> SendAsync(Notification notification, CancellationToken ct)
    {
        var address = new Uri(Secrets.Read(contacts.Roles()[notification.Role].SlackUrlFile));
        // The three signs that its markup is made of (api.slack.com, formatting text).
        string text = Texts.Body(notification).Replace("&", "&amp;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal).Replace(">", "&gt;", StringComparison.Ordinal);
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(new SlackMessage(text.Length <= MaxChars ? text : text[..MaxChars]), ChannelsJson.Default.SlackMessage);
        return await sender.PostAsync(address.Authority, address, json, [], ct);
    }
}

internal sealed record SlackMessage(string Text);
