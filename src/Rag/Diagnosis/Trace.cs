using System.Diagnostics.Tracing;
using Microsoft.Diagnostics.NETCore.Client;
using Microsoft.Diagnostics.Tracing;
using Microsoft.Diagnostics.Tracing.EventPipe;
using Microsoft.Diagnostics.Tracing.Etlx;
using Microsoft.Diagnostics.Tracing.Parsers;
using Microsoft.Diagnostics.Tracing.Parsers.Clr;

namespace Rag.Diagnosis;

/// <param name="Share">Of the samples in which managed code ran, 0 to 1.</param>
/// <param name="Caller">The nearest method of this product that led there; null where there is none.</param>
internal sealed record HotMethod(string Method, double Share, string? Caller);

/// <param name="Samples">Samples in which managed code ran.</param>
internal sealed record Profile(int Samples, IReadOnlyList<HotMethod> Methods);

internal sealed record HeapType(string Type, long Objects, long Bytes);

/// <summary>What the runtime of this process says of itself by its event pipe. One at a time: each slows the process a little.</summary>
internal static class Trace
{
    private const string Runtime = "Microsoft-Windows-DotNETRuntime", Sampler = "Microsoft-DotNETCore-SampleProfiler";
    private const long Loader = 0x8, Jit = 0x10, HeapSnapshot = 0x1980001;
    private const int BufferMb = 64;
    private const long MaxTraceBytes = 512_000_000;
    private const int Shown = 8, MaxFrames = 200;
    private const string Own = "Rag.";

    private static readonly SemaphoreSlim One = new(1, 1);
    private static readonly TimeSpan HeapLimit = TimeSpan.FromSeconds(120), StopLimit = TimeSpan.FromSeconds(30);

    /// <summary>Whether the process may be looked at: the runtime can be told not to allow it (<c>DOTNET_EnableDiagnostics=0</c>).</summary>
    public static bool Refused(Exception e) => e is ServerNotAvailableException or ServerErrorException or UnsupportedCommandException or TimeoutException or IOException or UnauthorizedAccessException;

    /// <summary>Where the threads of this process are, about a thousand times a second, for so long.</summary>
    public static async Task<Profile> ProfileAsync(TimeSpan duration, CancellationToken ct)
    {
        await One.WaitAsync(ct);
        string path = Path.Combine(Path.GetTempPath(), $"rag-profile-{Guid.NewGuid():N}.nettrace");
        try
        {
            await RecordAsync(path, duration, ct);
            return await Task.Run(() => Read(path), ct);
        }
        finally
        {
            File.Delete(path);
            File.Delete(Path.ChangeExtension(path, ".etlx"));
            One.Release();
        }
    }

    /// <summary>The types that take most of the heap. The runtime collects all of it for that, and stops everything while it does.</summary>
    public static async Task<IReadOnlyList<HeapType>> HeapAsync(CancellationToken ct)
    {
        await One.WaitAsync(ct);
        try
        {
            var client = new DiagnosticsClient(Environment.ProcessId);
            using var session = await client.StartEventPipeSessionAsync([new(Runtime, EventLevel.Verbose, HeapSnapshot)], requestRundown: false, circularBufferMB: 256, ct);
            var names = new Dictionary<ulong, string>();
            var sizes = new Dictionary<ulong, (long Objects, long Bytes)>();
            var reading = Task.Run(() => ReadHeap(session, names, sizes), ct);
            await reading.WaitAsync(HeapLimit, ct);
            return [.. sizes.Select(s => new HeapType(names.GetValueOrDefault(s.Key, "unknown"), s.Value.Objects, s.Value.Bytes)).OrderByDescending(t => t.Bytes).Take(Shown)];
        }
        finally
        {
            One.Release();
        }
    }

    private static async Task RecordAsync(string path, TimeSpan duration, CancellationToken ct)
    {
        var client = new DiagnosticsClient(Environment.ProcessId);
        using var session = await client.StartEventPipeSessionAsync(
            [new(Sampler, EventLevel.Informational), new(Runtime, EventLevel.Informational, Loader | Jit)], requestRundown: true, circularBufferMB: BufferMb, ct);
        await using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read);
        var copying = CopyAsync(session.EventStream, file);
        try
        {
            await Task.Delay(duration, ct);
        }
        finally
        {
            await session.StopAsync(CancellationToken.None).WaitAsync(StopLimit, CancellationToken.None);
            await copying.WaitAsync(StopLimit, CancellationToken.None);
        }
    }

    /// <summary>Takes everything, and keeps what the bound allows: a stream that nobody reads would hold the runtime up.</summary>
    private static async Task CopyAsync(Stream from, Stream to)
    {
        byte[] buffer = new byte[65_536];
        long kept = 0;
        for (int read; (read = await from.ReadAsync(buffer)) > 0;)
            if ((kept += read) <= MaxTraceBytes) await to.WriteAsync(buffer.AsMemory(0, read));
    }

    private static Profile Read(string path)
    {
        string etlx = TraceLog.CreateFromEventPipeDataFile(path, Path.ChangeExtension(path, ".etlx"), new TraceLogOptions { ContinueOnError = true });
        using var log = new TraceLog(etlx);
        var source = log.Events.GetSource();
        var hits = new Dictionary<string, (int Count, Dictionary<string, int> Callers)>();
        int samples = 0;
        new SampleProfilerTraceEventParser(source).ThreadSample += sample =>
        {
            // The rest waits, or is in the system's own code.
            if (sample.Type != ClrThreadSampleType.Managed || sample.CallStack() is not { } stack) return;
            string method = Name(stack);
            if (Waits(method)) return;
            samples++;
            var (count, callers) = hits.GetValueOrDefault(method, (0, []));
            hits[method] = (count + 1, callers);
            if (Caller(stack.Caller) is { } caller) callers[caller] = callers.GetValueOrDefault(caller) + 1;
        };
        source.Process();
        return new(samples, [.. hits.OrderByDescending(h => h.Value.Count).Take(Shown).Select(h => new HotMethod(
            h.Key, h.Value.Count / (double)samples, h.Value.Callers.Count == 0 ? null : h.Value.Callers.MaxBy(c => c.Value).Key))]);
    }

    private static string Name(TraceCallStack frame)
    {
        string name = frame.CodeAddress.FullMethodName;
        if (name.Length == 0) return frame.CodeAddress.ModuleName is { Length: > 0 } module ? module : "unknown";
        int parameters = name.IndexOf('(', StringComparison.Ordinal);
        return parameters > 0 ? name[..parameters] : name;
    }

    private static string? Caller(TraceCallStack? frame)
    {
        for (int depth = 0; frame is not null && depth < MaxFrames; frame = frame.Caller, depth++)
            if (Name(frame) is var name && name.StartsWith(Own, StringComparison.Ordinal)) return name;
        return null;
    }

    /// <summary>Threads that wait in managed code look as if they ran.</summary>
    private static bool Waits(string method) => method.Contains("WaitHandle", StringComparison.Ordinal) || method.Contains("LowLevelLifoSemaphore", StringComparison.Ordinal) || method.Contains("Thread.Sleep", StringComparison.Ordinal);

    private static void ReadHeap(EventPipeSession session, Dictionary<ulong, string> names, Dictionary<ulong, (long Objects, long Bytes)> sizes)
    {
        using var source = new EventPipeEventSource(session.EventStream);
        int started = -1;
        source.Clr.TypeBulkType += e =>
        {
            for (int i = 0; i < e.Count; i++) names[e.Values(i).TypeID] = e.Values(i).TypeName;
        };
        source.Clr.GCBulkNode += e =>
        {
            for (int i = 0; i < e.Count; i++)
            {
                var node = e.Values(i);
                var (objects, bytes) = sizes.GetValueOrDefault(node.TypeID);
                sizes[node.TypeID] = (objects + 1, bytes + (long)node.Size);
            }
        };
        // The collection that lists the heap is the first of the whole heap that somebody asked for.
        source.Clr.GCStart += e =>
        {
            if (started < 0 && e is { Depth: 2, Reason: GCReason.Induced }) started = e.Count;
        };
        source.Clr.GCStop += e =>
        {
            if (started < 0 || e.Count != started) return;
            // Stopping from here would wait for this very reader.
            _ = Task.Run(session.Stop);
        };
        source.Process();
    }
}
