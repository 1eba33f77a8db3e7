using System.Text.Json;

namespace Rag.Ingestion.Parsing;

/// <summary>
/// The other side of <see cref="ParserProcess"/>: a process that parses one file at a time until its input closes, so
/// that a file which exhausts memory or the stack, or never ends, takes only this process with it.
/// </summary>
internal static class ParseWorker
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);

    public static async Task<int> RunAsync(Stream stdin, Stream stdout)
    {
        while (await WorkerFrames.ReadAsync(stdin, CancellationToken.None) is { } head)
        {
            var request = JsonSerializer.Deserialize(head, WorkerFrames.Json.WorkerRequest)!;
            byte[] content = await WorkerFrames.ReadAsync(stdin, CancellationToken.None) ?? [];
            // The host ends a process that overruns; this one is for a host that died and left it working.
            await using var orphan = TimeProvider.System.CreateTimer(static _ => Environment.Exit(1), null, TimeSpan.FromMilliseconds(request.TimeoutMs) + Grace, Timeout.InfiniteTimeSpan);
            byte[] reply = JsonSerializer.SerializeToUtf8Bytes(Reply(request, content), WorkerFrames.Json.WorkerReply);
            await WorkerFrames.WriteAsync(stdout, reply, CancellationToken.None);
        }
        return 0;
    }

    private static WorkerReply Reply(WorkerRequest request, byte[] content)
    {
        try
        {
            return new(FormatParser.Parse(request.Name, content, request.MaxTextChars));
        }
        catch (ParseException e)
        {
            return new(null, e.Reason, e.Message);
        }
        catch (OutOfMemoryException)
        {
            return new(null, "hostile", ParserProcess.OutOfMemory);
        }
    }
}
