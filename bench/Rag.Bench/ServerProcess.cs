using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Rag.Bench;

/// <summary>A program of ours that serves HTTP as a process of its own: the real <c>rag serve</c>, or a baseline of this program.</summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    private const int MaxErrorChars = 4_000;
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

    public static ServerProcess StartRag(string dataDirectory, params string[] settings)
    {
        int port = FreePort();
        return Start("rag", port, ["serve", "--data", dataDirectory, "--urls", $"http://127.0.0.1:{port}", .. settings.SelectMany(s => new[] { "--set", s })]);
    }

    /// <param name="answerFile">The bytes that it answers every request with.</param>
    public static ServerProcess StartBare(string answerFile)
    {
        int port = FreePort();
        return Start("Rag.Bench", port, [BareServer.Command, port.ToString(System.Globalization.CultureInfo.InvariantCulture), answerFile]);
    }

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

    /// <summary>Ends the process with SIGKILL, in the middle of whatever it does, and waits until it is gone.</summary>
    public async Task KillAsync()
    {
        if (!_process.HasExited) _process.Kill();
        await _process.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        Http.Dispose();
        _process.Dispose();
    }

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
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
