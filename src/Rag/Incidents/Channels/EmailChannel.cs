using System.Globalization;
using System.Net.Sockets;
using System.Text;
using MailKit;
using MailKit.Net.Smtp;
using MailKit.Security;
using MimeKit;
using MimeKit.Utils;

namespace Rag.Incidents.Channels;

/// <summary>E-mail by SMTP. All mails of one incident are one thread; the same notification has the same Message-ID.</summary>
internal sealed class EmailChannel(ContactOptions contacts, TimeProvider time) : INotificationChannel
{
    public string Name => "email";

    public bool Serves(string role) => contacts.Roles().TryGetValue(role, out var channels) && channels.Email.Length > 0;

    public async Task<SendResult> SendAsync(Notification notification, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(contacts.TimeoutMs);
        try
        {
            using var message = Message(notification);
            using var client = new SmtpClient { Timeout = contacts.TimeoutMs };
            await client.ConnectAsync(contacts.Smtp.Host, contacts.Smtp.Port, contacts.Smtp.Socket, limit.Token);
            if (contacts.Smtp.User.Length > 0) await client.AuthenticateAsync(contacts.Smtp.User, Secrets.Read(contacts.Smtp.PasswordFile), limit.Token);
            string answer = await client.SendAsync(message, limit.Token);
            // It is taken: what goes wrong in saying goodbye changes nothing.
            try
            {
                await client.DisconnectAsync(true, limit.Token);
            }
            catch (Exception e) when (e is IOException or ProtocolException or SocketException or OperationCanceledException or TimeoutException)
            {
            }
            return new(true, false, Texts.Short($"{contacts.Smtp.Host}: {answer}"));
        }
        catch (SmtpCommandException e)
        {
            // 4xx is for now, 5xx is for good (RFC 5321, 4.2.1).
            return new(false, (int)e.StatusCode < 500, Texts.Short($"{contacts.Smtp.Host}: {(int)e.StatusCode} {e.Message}"));
        }
        catch (AuthenticationException e)
        {
            return new(false, false, Texts.Short($"{contacts.Smtp.Host} refuses the user or the password: {e.Message}"));
        }
        catch (Exception e) when (e is TimeoutException || e is OperationCanceledException && !ct.IsCancellationRequested)
        {
            return new(false, true, $"{contacts.Smtp.Host} did not answer within {contacts.TimeoutMs} ms");
        }
        catch (Exception e) when (e is IOException or SocketException or ProtocolException or SslHandshakeException or NotSupportedException)
        {
            return new(false, true, Texts.Short($"{contacts.Smtp.Host}: {e.Message}"));
        }
    }

    private MimeMessage Message(Notification notification)
    {
        var from = MailboxAddress.Parse(contacts.Smtp.From);
        var message = new MimeMessage { Subject = Texts.Subject(notification), Date = time.GetUtcNow(), MessageId = Id(notification.Key, from), Body = new TextPart("plain") { Text = Texts.Body(notification) } };
        message.From.Add(from);
        foreach (var address in contacts.Roles()[notification.Role].Addresses()) message.To.Add(address);
        message.References.Add(Id(notification.IncidentId, from));
        // Programs that answer by themselves, absence notes among them, leave it alone (RFC 3834).
        message.Headers.Add(HeaderId.AutoSubmitted, "auto-generated");
        if (notification.Severity is "P0" or "P1") message.Priority = MessagePriority.Urgent;
        return message;
    }

    /// <summary>Of the letters that an id may have (RFC 5322, 3.6.4), the same for the same key.</summary>
    private static string Id(string key, MailboxAddress from)
    {
        var local = new StringBuilder();
        foreach (char c in key) local.Append(char.IsAsciiLetterOrDigit(c) ? c : '-');
        return $"{local}@{from.Domain}";
    }
}
