using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Rag.Incidents.Channels;

/// <summary>
/// JSON to any address, with the notification's key as <c>Idempotency-Key</c> and, where there is a secret, an HMAC-SHA256 of the
/// body as <c>Rag-Signature: sha256=…</c>.
/// </summary>
internal sealed class WebhookChannel(ContactOptions contacts, HttpSender sender) : INotificationChannel
{
    public string Name => "webhook";

    public bool Serves(string role) => contacts.Roles().TryGetValue(role, out var channels) && channels.Webhook.Length > 0;

    public async Task<SendResult> SendAsync(Notification notification, CancellationToken ct)
    {
        var role = contacts.Roles()[notification.Role];
        var address = new Uri(role.Webhook);
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(notification, ChannelsJson.Default.Notification);
        var headers = new List<(string, string)> { ("Idempotency-Key", notification.Key) };
        if (role.WebhookSecretFile.Length > 0)
            headers.Add(("Rag-Signature", $"sha256={Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(Secrets.Read(role.WebhookSecretFile)), json))}"));
        return await sender.PostAsync(address.Authority, address, json, headers, ct);
    }
}
