using System.Data.Common;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Incidents;

/// <summary>
/// What goes on by itself, on every replica, every two seconds: what waited for the record is written into it, incidents that
/// nobody acknowledged go up the ladder, and messages that are due are sent. Each is claimed first, so that one replica does it.
/// </summary>
internal sealed class Notifier(
    IncidentRecord record, InterimIncidents interim, IncidentDesk desk, OpenIncidents open, Outbox outbox, SharedSpool shared, Recipients recipients, Escalation escalation,
    IncidentsOptions options, IncidentMetrics metrics, RecordState state, TimeProvider time, ILogger<Notifier> log) : BackgroundService
{
    /// <summary>Shorter than the lease: whoever holds a message is done with it before another may take it.</summary>
    public static readonly TimeSpan SendLimit = TimeSpan.FromSeconds(20);

    private const int AtOnce = 4, MaxDue = 100;
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2), LookEvery = TimeSpan.FromSeconds(5);

    private readonly SemaphoreSlim _passing = new(1, 1);
    /// <summary>Tries of messages that are sent without the record.</summary>
    private readonly Dictionary<string, (int Tries, DateTimeOffset Next)> _tries = [];
    private DateTimeOffset _looked = DateTimeOffset.MinValue;

    protected override async Task ExecuteAsync(CancellationToken stop)
    {
        await Task.Yield();
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await PassAsync(stop);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                // The next pass does what this one did not.
                if (IncidentDesk.Lost(e)) log.NotifierWaits(e.Message);
                else log.NotifierFailed(e);
            }
            await Task.Delay(Pause, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Does everything that is due now.</summary>
    public async Task PassAsync(CancellationToken ct)
    {
        await _passing.WaitAsync(ct);
        try
        {
            bool waiting = await interim.AnyAsync(ct);
            if (!state.Away)
            {
                try
                {
                    if (waiting) await interim.ReplayAsync(record, ct);
                    waiting = false;
                    _tries.Clear();
                    await InRecordAsync(ct);
                    return;
                }
                catch (Exception e) when (IncidentDesk.Lost(e))
                {
                    log.RecordAwayForIncidents(e.Message);
                    waiting = waiting || await interim.AnyAsync(ct);
                }
            }
            // With the record away, what was open when it went is watched on; else only what could not be written.
            if (state.Away || waiting) await MeanwhileAsync(ct);
        }
        finally
        {
            _passing.Release();
        }
    }

    private async Task InRecordAsync(CancellationToken ct)
    {
        var now = time.GetUtcNow();
        foreach (string id in await record.DueAsync(now, MaxDue, ct)) await record.ChangeAsync(id, incident => escalation.Steps(incident, now), ct);
        while (await outbox.AnyDueAsync(ct))
        {
            var claimed = await outbox.ClaimAsync(AtOnce, ct);
            if (claimed.Count == 0) break;
            await Task.WhenAll(claimed.Select(n => SendAsync(n, ct)));
        }
        if (now - _looked < LookEvery) return;
        _looked = now;
        await open.LookAsync(ct);
        metrics.Open(open.Last.Incidents.Values);
    }

    private async Task SendAsync(ClaimedNotification n, CancellationToken ct)
    {
        var incident = (await record.LoadAsync([n.IncidentId], ct)).FirstOrDefault();
        if (incident is null) return;
        var planned = new PlannedNotification(n.Round, n.Step, n.Role, n.Deadline);
        var result = await SendAsync(incident, planned, n.Channel, ct);
        try
        {
            if (!result.Sent && result.Retry && Outbox.Backoff(n.Tries) is { } wait)
            {
                await outbox.PostponeAsync(n, wait, result.Detail, ct);
                return;
            }
            // Were this cut short, another would send it again.
            await outbox.EndAsync(n, result.Sent, result.Detail, CancellationToken.None);
        }
        catch (Exception e) when (IncidentDesk.Lost(e))
        {
            // It is out, and the record does not know. The others hear of it where there is Redis, the record when it is back.
            if (result.Sent) await interim.MarkAsync(Mark(incident, planned, n.Channel, sent: true, result.Detail), CancellationToken.None);
            return;
        }
        await JudgeAsync(n.Channel, result, ct);
    }

    private async Task MeanwhileAsync(CancellationToken ct)
    {
        var incidents = await interim.EscalateAsync(ct);
        metrics.Open(incidents.Where(i => i.Open));
        var due = new List<(Incident Incident, PlannedNotification Planned, string Channel, string Key)>();
        foreach (var incident in incidents)
            foreach (var (planned, channel) in recipients.Of(incident))
            {
                string key = planned.Key(incident.Id, channel);
                if (_tries.TryGetValue(key, out var tried) && time.GetUtcNow() < tried.Next) continue;
                if (!await interim.DealtWithAsync(key, ct)) due.Add((incident, planned, channel, key));
            }
        foreach (var some in due.Take(MaxDue).Chunk(AtOnce)) await Task.WhenAll(some.Select(d => MeanwhileAsync(d.Incident, d.Planned, d.Channel, d.Key, ct)));
    }

    private async Task MeanwhileAsync(Incident incident, PlannedNotification planned, string channel, string key, CancellationToken ct)
    {
        if (!await shared.ClaimAsync(key, Outbox.Lease)) return;
        var result = await SendAsync(incident, planned, channel, ct);
        int tries;
        lock (_tries) tries = _tries.GetValueOrDefault(key).Tries + 1;
        if (!result.Sent && result.Retry && Outbox.Backoff(tries) is { } wait)
        {
            lock (_tries) _tries[key] = (tries, time.GetUtcNow() + wait);
            await shared.HoldAsync(key, wait);
            return;
        }
        await interim.MarkAsync(Mark(incident, planned, channel, result.Sent, result.Detail), CancellationToken.None);
        await shared.EndAsync(key);
        await JudgeAsync(channel, result, ct);
    }

    /// <summary>Sends, within a bounded time, and counts what came of it.</summary>
    private async Task<SendResult> SendAsync(Incident incident, PlannedNotification planned, string channel, CancellationToken ct)
    {
        var result = await SendAsync(recipients.Channels.FirstOrDefault(c => c.Name == channel && c.Serves(planned.Role)), NotificationText.Of(incident, planned, channel, options), ct);
        if (result.Sent) log.NotificationSent(incident.Name, planned.Step, planned.Role, channel);
        else log.NotificationNotSent(incident.Name, planned.Step, planned.Role, channel, result.Detail);
        return result;
    }

    /// <summary>Tries the channels that serve a role; says how each ended.</summary>
    public async Task<IReadOnlyList<(string Channel, SendResult Result)>> TestAsync(string role, CancellationToken ct)
    {
        string id = Ids.New(time);
        var results = await Task.WhenAll(recipients.Channels.Where(c => c.Serves(role)).Select(async c => (c.Name, Result: await SendAsync(c, NotificationText.Test(role, c.Name, id), ct))));
        // Whoever mended a channel shows it so.
        foreach (var (channel, result) in results.Where(r => r.Result.Sent)) await JudgeAsync(channel, result, ct);
        return results;
    }

    private async Task<SendResult> SendAsync(INotificationChannel? channel, Notification notification, CancellationToken ct)
    {
        SendResult result;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(SendLimit);
        try
        {
            // A channel that does not listen to its limit is left behind.
            // While settings are rolled out, another replica has the channel: the message waits for that one.
            result = channel is null
                ? new(false, true, "this replica has no such channel")
                : await channel.SendAsync(notification, limit.Token).WaitAsync(SendLimit + TimeSpan.FromSeconds(1), ct);
        }
        catch (Exception e) when (!ct.IsCancellationRequested && e is OperationCanceledException or TimeoutException)
        {
            result = new(false, true, $"no answer within {SendLimit.TotalSeconds} s");
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // A channel should not throw; where one does, the message waits and the others go on.
            result = new(false, true, e.Message);
        }
        if (channel is not null) metrics.Notified(channel.Name, result.Sent ? NotificationOutcome.Sent : NotificationOutcome.Failed);
        return result;
    }

    /// <summary>A channel that gave a message up is an incident; one that works again is none any more.</summary>
    private async Task JudgeAsync(string channel, SendResult result, CancellationToken ct)
    {
        string fingerprint = Recipients.FingerprintOf(channel);
        if (!result.Sent) metrics.Notified(channel, NotificationOutcome.GivenUp);
        // Nearly every message goes through while no channel fails, which need not be looked up each time.
        else if (!state.Away && !open.Last.Incidents.Values.Any(i => i.Open && i.Key == Recipients.ChannelFailing)) return;
        var firing = (await desk.ListAsync(all: false, IncidentDesk.MaxList, ct)).Where(i => i.Key == Recipients.ChannelFailing).SelectMany(i => i.Firing).FirstOrDefault(a => a.Fingerprint == fingerprint);
        if (result.Sent == (firing is null)) return;
        var starts = firing is null ? Clock.FromMicroseconds(time.Microseconds()) : Clock.FromMicroseconds(firing.StartsAt);
        if (!result.Sent) log.ChannelFails(channel, result.Detail);
        await desk.TakeAsync(
            [
                new(Recipients.ChannelFailing, fingerprint, starts, result.Sent ? Clock.FromMicroseconds(time.Microseconds()) : null, IncidentSeverity.P1, $"Notifications by {channel} do not arrive",
                    $"The channel {channel} failed: {result.Detail}. Messages by it were given up; 'rag incidents test-contact' tries it. Other channels tell of this.",
                    new Dictionary<string, string> { ["alertname"] = Recipients.ChannelFailing, ["channel"] = channel }, null, Actors.Product),
            ], ct);
    }

    private SentMark Mark(Incident incident, PlannedNotification planned, string channel, bool sent, string detail) =>
        new(incident.Id, planned.Round, planned.Step, planned.Role, channel, sent ? SentMark.Sent : SentMark.Failed, Clock.FromMicroseconds(time.Microseconds()), detail);
}
