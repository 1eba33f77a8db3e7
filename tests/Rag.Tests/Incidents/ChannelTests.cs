using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using MimeKit;
using Rag.Incidents;
using Rag.Incidents.Channels;
using Rag.Testing;
using SmtpServer.Protocol;

namespace Rag.Tests.Incidents;

/// <summary>Notifications arrive at real receivers on loopback, or say why they did not.</summary>
public sealed class ChannelTests : IAsyncDisposable
{
    private static readonly Notification Opened = new(
        "5f3a/opened/on-call-engineer/email", "opened", "on-call-engineer", "5f3a9c01", "P0", "The database is down", "replica-1 does not reach the database.\nIt answers from its index.",
        new DateTimeOffset(2026, 3, 1, 12, 15, 0, TimeSpan.Zero), "http://rag.internal:8080/incidents/5f3a9c01");

    private readonly HttpInbox _inbox = HttpInbox.Start();
    private readonly string _folder = Directory.CreateTempSubdirectory("rag-channels-").FullName;
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        await _inbox.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Mail_says_what_is_wrong_by_when_and_what_to_run()
    {
        await using var server = MailServer.Start();
        var contacts = Mail(server);
        contacts.OnCallEngineer.Email = "a@example.org, \"Second line\" <b@example.org>";
        var result = await new EmailChannel(contacts, _time).SendAsync(Opened, Cancel);
        result.Sent.ShouldBeTrue(result.Detail);
        var mail = server.Messages.ShouldHaveSingleItem();
        mail.Subject.ShouldBe("[P0] The database is down");
        mail.To.Mailboxes.Select(m => m.Address).ShouldBe(["a@example.org", "b@example.org"]);
        mail.TextBody.ShouldNotBeNull().ShouldContain("It answers from its index.");
        mail.TextBody.ShouldNotBeNull().ShouldContain("Acknowledge by 2026-03-01 12:15 UTC: rag incidents acknowledge 5f3a9c01");
        mail.TextBody.ShouldNotBeNull().ShouldContain("http://rag.internal:8080/incidents/5f3a9c01");
        mail.Headers[HeaderId.AutoSubmitted].ShouldBe("auto-generated");
    }

    [Fact]
    public async Task The_same_notification_is_the_same_mail_and_an_incident_one_thread()
    {
        await using var server = MailServer.Start();
        var channel = new EmailChannel(Mail(server), _time);
        await channel.SendAsync(Opened, Cancel);
        await channel.SendAsync(Opened, Cancel);
        await channel.SendAsync(Opened with { Key = "5f3a/resolved/on-call-engineer/email", Step = "resolved" }, Cancel);
        var mails = server.Messages.ToList();
        mails[1].MessageId.ShouldBe(mails[0].MessageId);
        mails[2].MessageId.ShouldNotBe(mails[0].MessageId);
        mails[2].Subject.ShouldBe("[P0] The database is down (resolved)");
        mails.Select(m => m.References.Single()).Distinct().Count().ShouldBe(1);
    }

    [Fact]
    public async Task A_line_break_in_a_title_makes_no_header()
    {
        await using var server = MailServer.Start();
        var result = await new EmailChannel(Mail(server), _time).SendAsync(Opened with { Title = "down\r\nBcc: c@example.org" }, Cancel);
        result.Sent.ShouldBeTrue(result.Detail);
        var mail = server.Messages.ShouldHaveSingleItem();
        mail.Bcc.ShouldBeEmpty();
        mail.To.Count.ShouldBe(1);
    }

    [Theory, InlineData(SmtpReplyCode.TransactionFailed, false), InlineData(SmtpReplyCode.InsufficientStorage, true)]
    public async Task A_mail_server_that_refuses_is_tried_again_where_it_says_so(SmtpReplyCode code, bool retry)
    {
        await using var server = MailServer.Start();
        server.Refusal = new(code, "not now");
        var result = await new EmailChannel(Mail(server), _time).SendAsync(Opened, Cancel);
        result.Sent.ShouldBeFalse();
        result.Retry.ShouldBe(retry);
        result.Detail.ShouldContain($"{(int)code} not now");
        server.Messages.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_wrong_password_a_server_that_is_away_and_one_that_is_slow_are_told_apart()
    {
        await using var server = MailServer.Start("rag", "right");
        var contacts = Mail(server);
        (contacts.Smtp.User, contacts.Smtp.PasswordFile) = ("rag", Write("wrong"));
        var refused = await new EmailChannel(contacts, _time).SendAsync(Opened, Cancel);
        refused.Sent.ShouldBeFalse();
        refused.Retry.ShouldBeFalse();
        refused.Detail.ShouldContain("refuses the user or the password");
        refused.Detail.ShouldNotContain("wrong");
        contacts.Smtp.PasswordFile = Write("right");
        (await new EmailChannel(contacts, _time).SendAsync(Opened, Cancel)).Sent.ShouldBeTrue();

        contacts.Smtp.Port = ChildServer.FreePort();
        (await new EmailChannel(contacts, _time).SendAsync(Opened, Cancel)).ShouldSatisfyAllConditions(r => r.Sent.ShouldBeFalse(), r => r.Retry.ShouldBeTrue());

        using var silent = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        silent.Start();
        contacts.Smtp.Port = ((System.Net.IPEndPoint)silent.LocalEndpoint).Port;
        contacts.TimeoutMs = 300;
        var late = await new EmailChannel(contacts, _time).SendAsync(Opened, Cancel);
        late.Retry.ShouldBeTrue();
        late.Sent.ShouldBeFalse();
    }

    [Fact]
    public async Task A_webhook_is_signed_and_can_be_deduplicated()
    {
        var contacts = new ContactOptions { OnCallEngineer = { Webhook = new Uri(_inbox.Address, "/hook").ToString(), WebhookSecretFile = Write("secret\n") } };
        var result = await Webhook(contacts).SendAsync(Opened, Cancel);
        result.Sent.ShouldBeTrue(result.Detail);
        var received = _inbox.All.ShouldHaveSingleItem();
        received.Path.ShouldBe("/hook");
        received.Headers["idempotency-key"].ShouldBe(Opened.Key);
        received.Headers["rag-signature"].ShouldBe("sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData("secret"u8, received.Body)));
        var body = JsonDocument.Parse(received.Body).RootElement;
        body.GetProperty("severity").GetString().ShouldBe("P0");
        body.GetProperty("incident_id").GetString().ShouldBe("5f3a9c01");
        body.GetProperty("deadline").GetDateTimeOffset().ShouldBe(Opened.Deadline!.Value);
    }

    [Theory, InlineData(500, true), InlineData(429, true), InlineData(404, false), InlineData(302, false)]
    public async Task What_a_webhook_answers_says_whether_trying_again_helps(int status, bool retry)
    {
        _inbox.Answer = _ => (status, "because");
        var result = await Webhook(new() { OnCallEngineer = { Webhook = _inbox.Address.ToString() } }).SendAsync(Opened, Cancel);
        result.ShouldBe(new SendResult(false, retry, $"{_inbox.Address.Authority}: {status} because"));
        _inbox.All.Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_receiver_that_hangs_holds_nothing_up()
    {
        _inbox.Delay = TimeSpan.FromSeconds(20);
        var result = await Webhook(new() { TimeoutMs = 300, OnCallEngineer = { Webhook = _inbox.Address.ToString() } }).SendAsync(Opened, Cancel);
        result.Sent.ShouldBeFalse();
        result.Retry.ShouldBeTrue();
        result.Detail.ShouldContain("within 300 ms");
    }

    [Fact]
    public async Task Pagerduty_gets_one_alert_for_an_incident()
    {
        _inbox.Answer = _ => (202, """{"status":"success"}""");
        var contacts = new ContactOptions { PagerDutyUrl = _inbox.Address.ToString(), OnCallEngineer = { PagerDutyRoutingKeyFile = Write("R0UTING") } };
        using var sender = new HttpSender(contacts);
        var channel = new PagerDutyChannel(contacts, sender);
        foreach (string step in (string[])["opened", "escalated", "acknowledged", "resolved"])
            (await channel.SendAsync(Opened with { Step = step, Title = new string('x', 2_000) }, Cancel)).Sent.ShouldBeTrue();
        var events = _inbox.All.Select(r => JsonDocument.Parse(r.Body).RootElement).ToList();
        events.Select(e => e.GetProperty("event_action").GetString()).ShouldBe(["trigger", "trigger", "acknowledge", "resolve"]);
        events.ShouldAllBe(e => e.GetProperty("dedup_key").GetString() == "5f3a9c01" && e.GetProperty("routing_key").GetString() == "R0UTING");
        events[0].GetProperty("payload").GetProperty("summary").GetString()!.Length.ShouldBe(1_024);
        events[0].GetProperty("payload").GetProperty("severity").GetString().ShouldBe("critical");
    }

    [Fact]
    public async Task A_test_leaves_nobody_paged()
    {
        _inbox.Answer = _ => (202, "");
        var contacts = new ContactOptions { PagerDutyUrl = _inbox.Address.ToString(), OnCallEngineer = { PagerDutyRoutingKeyFile = Write("R0UTING") } };
        using var sender = new HttpSender(contacts);
        (await new PagerDutyChannel(contacts, sender).SendAsync(Opened with { Step = "test" }, Cancel)).Sent.ShouldBeTrue();
        _inbox.All.Select(r => JsonDocument.Parse(r.Body).RootElement.GetProperty("event_action").GetString()).ShouldBe(["trigger", "resolve"]);
    }

    [Fact]
    public async Task Slack_gets_text_without_markup_and_its_address_is_told_to_nobody()
    {
        var contacts = new ContactOptions { OnCallEngineer = { SlackUrlFile = Write(new Uri(_inbox.Address, "/services/SECRET").ToString()) } };
        using var sender = new HttpSender(contacts);
        var channel = new SlackChannel(contacts, sender);
        var result = await channel.SendAsync(Opened with { Text = "<!channel> & co" }, Cancel);
        result.Sent.ShouldBeTrue(result.Detail);
        result.Detail.ShouldNotContain("SECRET");
        var received = _inbox.All.ShouldHaveSingleItem();
        received.Path.ShouldBe("/services/SECRET");
        JsonDocument.Parse(received.Body).RootElement.GetProperty("text").GetString()!.ShouldContain("&lt;!channel&gt; &amp; co");
    }

    [Fact]
    public void A_channel_serves_the_roles_that_it_is_configured_for()
    {
        var contacts = new ContactOptions { DevOpsTeam = { Email = "ops@example.org" } };
        var channel = new EmailChannel(contacts, _time);
        channel.Serves("devops-team").ShouldBeTrue();
        channel.Serves("on-call-engineer").ShouldBeFalse();
        channel.Serves("nobody").ShouldBeFalse();
    }

    [Fact]
    public void Mistakes_in_the_contacts_are_named_all_at_once()
    {
        var contacts = new ContactOptions
        {
            OnCallEngineer = { Email = "nobody", Webhook = "ftp://x", SlackUrlFile = Path.Combine(_folder, "absent") },
            DevOpsTeam = { SlackUrlFile = Write("no address") },
            Smtp = { Port = 0, Security = "ssl", User = "rag" },
        };
        string.Join('\n', contacts.Validate()).ShouldSatisfyAllConditions(
            e => e.ShouldContain("Contacts:OnCallEngineer:Email: 'nobody' is not an address"),
            e => e.ShouldContain("Contacts:OnCallEngineer:Webhook"),
            e => e.ShouldContain("Contacts:OnCallEngineer:SlackUrlFile"),
            e => e.ShouldContain("Contacts:DevOpsTeam:SlackUrlFile: holds no http(s) address"),
            e => e.ShouldContain("Contacts:Smtp:Host"),
            e => e.ShouldContain("Contacts:Smtp:Port"),
            e => e.ShouldContain("Contacts:Smtp:Security"),
            e => e.ShouldContain("Contacts:Smtp:PasswordFile"));
        new ContactOptions().Validate().ShouldBeEmpty();
    }

    private WebhookChannel Webhook(ContactOptions contacts) => new(contacts, new HttpSender(contacts));

    private static ContactOptions Mail(MailServer server) => new()
    {
        OnCallEngineer = { Email = "a@example.org" },
        Smtp = { Host = "127.0.0.1", Port = server.Port, Security = "none", From = "rag@example.org" },
        TimeoutMs = 5_000,
    };

    private string Write(string text)
    {
        string file = Path.Combine(_folder, Guid.NewGuid().ToString("N"));
        File.WriteAllText(file, text);
        return file;
    }
}
