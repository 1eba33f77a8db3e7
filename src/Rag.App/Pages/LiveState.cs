using System.Text;
using System.Text.Json;
using Rag.Foundation;
using Rag.Incidents;
using Rag.Indexing;
using Rag.Maintenance;
using Rag.Telemetry;

namespace Rag.App.Pages;

/// <summary>
/// Versions of what consoles show: equal while nothing changed that a page would show otherwise. Made from what this process holds
/// already, so that it costs the record nothing, however many look.
/// </summary>
/// <param name="State">Of dependencies, read-only mode, maintenance windows and the way of answering.</param>
/// <param name="Incidents">Of the incidents that are open, or were an hour ago.</param>
/// <param name="Documents">The index's position in the change log.</param>
/// <param name="Open">Incidents that are open.</param>
internal sealed record LiveVersions(string State, string Incidents, long Documents, int Open)
{
    /// <summary>What somebody is told: incidents are for operators, documents for readers.</summary>
    public string Json(bool reads, bool operates)
    {
        var told = new Dictionary<string, object> { ["state"] = State };
        if (reads) told["documents"] = Documents;
        if (operates) (told["incidents"], told["open"]) = (Incidents, Open);
        return JsonSerializer.Serialize(told);
    }
}

/// <summary>Looks once a second whether something changed, and wakes every console that waits, all with the same bytes.</summary>
internal sealed class LiveState(
    Dependencies dependencies, IIndexer indexer, ReadOnlyMode readOnly, MaintenanceNotice notice, OpenIncidents incidents, Draining draining, IHostApplicationLifetime lifetime, TimeProvider time) : BackgroundService
{
    /// <summary>Consoles of one replica; more look at a page as it was when they opened it.</summary>
    public const int MaxListeners = 5_000;

    private const int VersionChars = 12;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private volatile bool _ended;
    private volatile Moment? _now;
    private int _listeners;

    /// <param name="Changed">Ends when this is no longer how things are.</param>
    public sealed record Moment(LiveVersions Versions, TaskCompletionSource Changed)
    {
        private readonly byte[]?[] _events = new byte[]?[4];

        /// <summary>The server-sent event that tells of it.</summary>
        public ReadOnlyMemory<byte> Event(bool reads, bool operates) =>
            _events[(reads ? 1 : 0) + (operates ? 2 : 0)] ??= Encoding.UTF8.GetBytes($"event: change\ndata: {Versions.Json(reads, operates)}\n\n");
    }

    public Moment Now => _now ?? Look();

    /// <returns>False where there are as many as this replica takes.</returns>
    public bool TrySit()
    {
        if (Interlocked.Increment(ref _listeners) <= MaxListeners) return true;
        Interlocked.Decrement(ref _listeners);
        return false;
    }

    public void Leave() => Interlocked.Decrement(ref _listeners);

    /// <summary>This server is about to stop: whoever listens goes to one that stays.</summary>
    public bool Ended => _ended;

    protected override async Task ExecuteAsync(CancellationToken stop)
    {
        // The server waits for requests under way before it stops what runs beside them.
        await using var stopping = lifetime.ApplicationStopping.UnsafeRegister(static state => ((LiveState)state!).End(), this);
        while (!stop.IsCancellationRequested && !draining.Begun)
        {
            Look();
            await Task.Delay(Interval, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        End();
    }

    private void End()
    {
        _ended = true;
        _now?.Changed.TrySetResult();
    }

    private Moment Look()
    {
        var versions = Read();
        var before = _now;
        if (before?.Versions == versions) return before;
        var now = new Moment(versions, new(TaskCreationOptions.RunContinuationsAsynchronously));
        if (Interlocked.CompareExchange(ref _now, now, before) != before) return _now!;
        before?.Changed.TrySetResult();
        return now;
    }

    private LiveVersions Read()
    {
        List<string> state = [.. dependencies.List().Select(d => $"{d.Name} {d.Up}"), .. notice.Current.Select(w => $"{w.Id} {w.State} {w.StartsAt:O} {w.EndsAt:O}")];
        if (readOnly.Current is { } period) state.Add($"{period.Reason} {period.Until:O} {period.Owner}");
        var seen = incidents.Last.Incidents.Values;
        return new(Version(state), Version(seen.OrderBy(i => i.Id, StringComparer.Ordinal).Select(i => $"{i.Id} {i.Events.Count}")), indexer.Position, seen.Count(i => i.Open));
    }

    private static string Version(IEnumerable<string> of) => Sha256.Hex(string.Join('\n', of))[..VersionChars];
}
