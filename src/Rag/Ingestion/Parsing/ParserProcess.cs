using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Rag.Ingestion.Parsing;

/// <summary>One parser process: started with its memory bound, asked one file at a time, ended when it overruns its time.</summary>
internal sealed class ParserProcess : IAsyncDisposable
{
    public const string OutOfMemory = "the parser ran out of memory on this file. Split it, or save it again in the program that made it.";
    private const int MaxErrorChars = 4_000;

    private readonly Process _process;
    private readonly Task<string> _errors;

    private ParserProcess(Process process) => (_process, _errors) = (process, ReadErrorsAsync(process));

    /// <summary>Files that this process has parsed.</summary>
    public int Documents { get; private set; }

    /// <summary>False while it works and after it failed; true when it has answered in full and can be asked again.</summary>
    public bool IsUsable { get; private set; } = true;

    /// <exception cref="InvalidOperationException">The program cannot be started: a fault of the installation, not of a file.</exception>
    public static ParserProcess Start(ParsingOptions options)
    {
        var command = Command(options);
        var start = new ProcessStartInfo(command[0]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false, CreateNoWindow = true };
        foreach (string argument in command.Skip(1)) start.ArgumentList.Add(argument);
        start.Environment["DOTNET_GCHeapHardLimit"] = options.WorkerMemoryBytes.ToString("X", CultureInfo.InvariantCulture);
        // One document at a time needs no heap per core, and no dump of a file that may be confidential.
        start.Environment["DOTNET_gcServer"] = "0";
        start.Environment["DOTNET_gcConcurrent"] = "0";
        start.Environment["DOTNET_DbgEnableMiniDump"] = "0";
        start.Environment["DOTNET_TieredPGO"] = "0";
        try
        {
            return new(Process.Start(start) ?? throw new InvalidOperationException("no process"));
        }
        catch (Win32Exception e)
        {
            throw new InvalidOperationException($"the parser process \"{command[0]}\" cannot be started: {e.Message}", e);
        }
    }

    /// <exception cref="ParseException">The file's own failure, timeout, or hostile where it ended the process.</exception>
    public async Task<ParsedDocument> ParseAsync(WorkerRequest request, ReadOnlyMemory<byte> content, TimeProvider time, CancellationToken ct)
    {
        Documents++;
        IsUsable = false;
        using var deadline = new CancellationTokenSource(TimeSpan.FromMilliseconds(request.TimeoutMs), time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, ct);
        try
        {
            // The process reads the whole request before it answers, so writing before reading cannot lock up.
            await WorkerFrames.WriteAsync(_process.StandardInput.BaseStream, JsonSerializer.SerializeToUtf8Bytes(request, WorkerFrames.Json.WorkerRequest), either.Token);
            await WorkerFrames.WriteAsync(_process.StandardInput.BaseStream, content, either.Token);
            byte[] reply = await WorkerFrames.ReadAsync(_process.StandardOutput.BaseStream, either.Token) ?? throw new EndOfStreamException();
            return Read(reply);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new ParseException("timeout", $"reading the file took longer than {request.TimeoutMs / 1000.0:0.##} seconds and was ended. Split it, or save it again in the program that made it.");
        }
        catch (Exception e) when (e is IOException or InvalidDataException or JsonException)
        {
            throw await DiedAsync(e);
        }
    }

    /// <summary>Ends the process, whatever it is doing, and waits until it is gone.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            if (!_process.HasExited) _process.Kill(entireProcessTree: true);
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception)
        {
            // It ended between the two calls.
        }
        await _process.WaitForExitAsync();
        await _errors;
        _process.Dispose();
    }

    private ParsedDocument Read(byte[] reply)
    {
        var answer = JsonSerializer.Deserialize(reply, WorkerFrames.Json.WorkerReply)!;
        // Having run out of memory once, it holds what the next file would need.
        IsUsable = answer.Message != OutOfMemory;
        return answer.Document is { } document
            ? document with { Metadata = document.Metadata ?? new Dictionary<string, string>() }
            : throw new ParseException(answer.Reason ?? "broken", answer.Message ?? "the file cannot be read.");
    }

    /// <summary>What killed the process is in what it last said: the runtime names exhausted memory and stack.</summary>
    private async Task<ParseException> DiedAsync(Exception inner)
    {
        try
        {
            if (!_process.HasExited) _process.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // Gone already.
        }
        string errors = await _errors;
        if (errors.Contains("memory", StringComparison.OrdinalIgnoreCase)) return new("hostile", OutOfMemory, inner);
        return errors.Contains("stack overflow", StringComparison.OrdinalIgnoreCase)
            ? new("hostile", "the file nests deeper than a document needs and ended its parser. Save it again in the program that made it.", inner)
            : new("broken", "the file ended the process that read it. Open it in the program that made it and save it again.", inner);
    }

    private static async Task<string> ReadErrorsAsync(Process process)
    {
        var text = new System.Text.StringBuilder();
        char[] buffer = new char[1024];
        // Read to the end, so that a process that says much is not held up; kept only in part.
        for (int read; (read = await process.StandardError.ReadAsync(buffer)) > 0;)
            if (text.Length < MaxErrorChars) text.Append(buffer, 0, read);
        return text.ToString();
    }

    private static IReadOnlyList<string> Command(ParsingOptions options)
    {
        if (options.WorkerCommand.Length > 0) return options.WorkerCommand;
        string? self = Environment.ProcessPath;
        if (self is not null && Path.GetFileName(self) is "rag" or "rag.exe") return [self!, "parse-worker"];
        string library = Path.Combine(AppContext.BaseDirectory, "rag.dll");
        if (!File.Exists(library)) throw new InvalidOperationException($"no parser process can be started: there is no {library}. Set Ingestion:Parsing:WorkerCommand.");
        bool host = self is not null && Path.GetFileNameWithoutExtension(self).Equals("dotnet", StringComparison.OrdinalIgnoreCase);
        return [host ? self! : "dotnet", library, "parse-worker"];
    }
}
