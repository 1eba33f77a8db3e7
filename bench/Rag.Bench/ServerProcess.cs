using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Rag.Bench;

/// <summary>A program of ours that serves HTTP as a process of its own: the real <c>rag serve</c>, or a baseline of this program.</summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    private const int MaxErrorChars = 4_000;
    private const int FirstPort = 12_000, LastPort = 30_000;
    private static readonly TimeSpan ReadyLimit = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan ReadyPoll = TimeSpan.FromMilliseconds(5);

    private readonly Process _process;
    private readonly StringBuilder _said = new();

    private ServerProcess(Process process, int port, long started)
    {
        (_process, Port, Started) = (process, port, started);
        Http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = TimeSpan.FromMinutes(5) };
    }

    public int Port { get; }

    public HttpClient Http { get; }

    /// <summary>When the process was started, as <see cref="Stopwatch.GetTimestamp"/> counts.</summary>
    public long Started { get; }

    /// <summary>Resident memory now, in mebibytes.</summary>
    public double ResidentMb
    {
        get
        {
            _process.Refresh();
            return _process.WorkingSet64 / 1048576.0;
        }
    }

    public static ServerProcess StartRag(string dataDirectory, params string[] settings) => StartRagAt(FreePort(), dataDirectory, settings);

    /// <summary>At a port where another was before it.</summary>
    public static ServerProcess StartRagAt(int port, string dataDirectory, params string[] settings) =>
        Start("rag", port, ["serve", "--data", dataDirectory, "--urls", $"http://127.0.0.1:{port}", .. settings.SelectMany(s => new[] { "--set", s })]);

    /// <param name="answerFile">The bytes that it answers every request with.</param>
    public static ServerProcess StartBare(string answerFile)
    {
        int port = FreePort();
        return Start("Rag.Bench", port, [BareServer.Command, port.ToString(System.Globalization.CultureInfo.InvariantCulture), answerFile]);
    }

    /// <summary>A bare page that a Razor component renders.</summary>
    public static ServerProcess StartBareRazor()
    {
        int port = FreePort();
        return Start("Rag.Bench", port, [BareServer.RazorCommand, port.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
    }

    /// <param name="noted">Whether what is shown is noted for the audit record.</param>
    public static ServerProcess StartAudited(string dataDirectory, bool noted)
    {
        int port = FreePort();
        return Start("Rag.Bench", port, [AuditedServer.Command, port.ToString(System.Globalization.CultureInfo.InvariantCulture), dataDirectory, noted.ToString()]);
    }

    /// <param name="mode">What the model is asked for: <c>select</c> or <c>compose</c>.</param>
    public static ServerProcess StartModel(string mode, int port) => Start("Rag.Bench", port, [ModelServer.Command, port.ToString(System.Globalization.CultureInfo.InvariantCulture), mode]);

    /// <summary>Waits until <c>/readyz</c> answers 200; returns the seconds since the process was started.</summary>
    public async Task<double> WaitReadyAsync(CancellationToken ct)
    {
        while (true)
        {
            if (_process.HasExited) throw new InvalidOperationException($"{_process.StartInfo.FileName} ended with {_process.ExitCode} before it was ready: {Said}");
            if (Stopwatch.GetElapsedTime(Started) > ReadyLimit) throw new InvalidOperationException($"{_process.StartInfo.FileName} was not ready within {ReadyLimit}: {Said}");
            try
            {
                using var response = await Http.GetAsync("/readyz", ct);
                if (response.IsSuccessStatusCode) return Stopwatch.GetElapsedTime(Started).TotalSeconds;
            }
            catch (HttpRequestException)
            {
                // Not listening yet.
            }
            await Task.Delay(ReadyPoll, ct);
        }
    }

    /// <summary>Waits until the process itself said that it serves: whoever answers at its address is then no other.</summary>
    public async Task WaitSaidAsync(CancellationToken ct)
    {
        string address = Http.BaseAddress!.ToString().TrimEnd('/');
        while (!Said.Contains(address, StringComparison.Ordinal) || _process.HasExited)
        {
            if (_process.HasExited || Stopwatch.GetElapsedTime(Started) > ReadyLimit) throw new InvalidOperationException($"{_process.StartInfo.FileName} does not serve {address}: {Said}");
            await Task.Delay(ReadyPoll, ct);
        }
    }

    /// <summary>Ends the process with SIGKILL, in the middle of whatever it does, and waits until it is gone.</summary>
    public async Task KillAsync()
    {
        if (!_process.HasExited) _process.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>Stops the process where it is, with its connections open (SIGSTOP).</summary>
    public async Task FreezeAsync()
    {
        using var kill = Process.Start("kill", ["-STOP", _process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        Http.Dispose();
        _process.Dispose();
    }

    /// <summary>A free port below those that systems give to whoever asks for any: no other program can get it in between.</summary>
    public static int FreePort()
    {
        for (int attempt = 0; attempt < 100; attempt++)
        {
            int port = Random.Shared.Next(FirstPort, LastPort);
            using var listener = new TcpListener(IPAddress.Loopback, port);
            try
            {
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                // Taken.
            }
        }
        throw new InvalidOperationException($"No port between {FirstPort} and {LastPort} is free.");
    }

    private string Said
    {
        get { lock (_said) return _said.ToString(); }
    }

    private static ServerProcess Start(string program, int port, IEnumerable<string> arguments)
    {
        var info = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, program))
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            // An appsettings.json of whoever runs this is none of the measurement's.
            WorkingDirectory = AppContext.BaseDirectory,
        };
        foreach (string argument in arguments) info.ArgumentList.Add(argument);
        long started = Stopwatch.GetTimestamp();
        var process = Process.Start(info) ?? throw new InvalidOperationException($"{program} did not start.");
        var server = new ServerProcess(process, port, started);
        process.OutputDataReceived += (_, e) => server.Note(e.Data);
        process.ErrorDataReceived += (_, e) => server.Note(e.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return server;
    }

    private void Note(string? line)
    {
        lock (_said)
            if (line is not null && _said.Length < MaxErrorChars) _said.AppendLine(line);
    }
}
