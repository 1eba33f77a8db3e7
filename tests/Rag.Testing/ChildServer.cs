using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Rag.Testing;

/// <summary>
/// A real server as a child of this process: PostgreSQL, Redis, haproxy, a replica of the product. It is killed when it is
/// disposed of, and can be stopped, continued and killed meanwhile.
/// </summary>
public sealed class ChildServer : IAsyncDisposable
{
    private const int MaxOutputChars = 64_000;
    private const int FirstPort = 12_000, LastPort = 30_000;
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(20);

    private readonly Process _process;
    private readonly StringBuilder _output = new();

    private ChildServer(Process process) => _process = process;

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    public int ExitCode => _process.ExitCode;

    /// <summary>Resident memory now, bytes.</summary>
    public long ResidentBytes
    {
        get
        {
            _process.Refresh();
            return _process.WorkingSet64;
        }
    }

    /// <summary>What it printed, both streams together; the first <see cref="MaxOutputChars"/> characters.</summary>
    public string Output
    {
        get { lock (_output) return _output.ToString(); }
    }

    /// <param name="asUser">The account to run as where this process runs as root; PostgreSQL refuses to be root.</param>
    public static ChildServer Start(string file, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null, string? workingDirectory = null, string? asUser = null)
    {
        // setpriv becomes the program, where others would wait for it as a child: what is killed here is the server itself.
        var command = asUser is not null && Environment.IsPrivilegedProcess ? ["setpriv", "--reuid", asUser, "--regid", asUser, "--init-groups", file, .. arguments] : new List<string> { file };
        if (command.Count == 1) command.AddRange(arguments);
        var info = new ProcessStartInfo(command[0]) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = workingDirectory ?? Path.GetTempPath() };
        foreach (string argument in command.Skip(1)) info.ArgumentList.Add(argument);
        foreach (var (name, value) in environment ?? new Dictionary<string, string>()) info.Environment[name] = value;
        var process = Process.Start(info) ?? throw new InvalidOperationException($"{file} did not start.");
        var server = new ChildServer(process);
        process.OutputDataReceived += (_, e) => server.Note(e.Data);
        process.ErrorDataReceived += (_, e) => server.Note(e.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return server;
    }

    /// <summary>Runs a program to its end.</summary>
    /// <exception cref="InvalidOperationException">It ended with another code than 0; the message holds what it printed.</exception>
    public static async Task<string> RunAsync(string file, IEnumerable<string> arguments, CancellationToken ct, string? asUser = null, IReadOnlyDictionary<string, string>? environment = null)
    {
        await using var child = Start(file, arguments, environment, asUser: asUser);
        await child._process.WaitForExitAsync(ct);
        return child.ExitCode == 0 ? child.Output : throw new InvalidOperationException($"{file} ended with {child.ExitCode}: {child.Output}");
    }

    /// <summary>Waits until the probe says yes; a probe that throws says no.</summary>
    /// <exception cref="InvalidOperationException">It ended before, or <paramref name="limit"/> went by; the message holds what it printed.</exception>
    public async Task WaitUntilAsync(Func<CancellationToken, Task<bool>> probe, TimeSpan limit, CancellationToken ct)
    {
        long started = Stopwatch.GetTimestamp();
        while (true)
        {
            if (HasExited) throw new InvalidOperationException($"{_process.StartInfo.FileName} ended with {ExitCode}: {Output}");
            try
            {
                if (await probe(ct)) return;
            }
            catch (Exception e) when (e is not OperationCanceledException || !ct.IsCancellationRequested)
            {
                // Not there yet.
            }
            if (Stopwatch.GetElapsedTime(started) > limit) throw new InvalidOperationException($"{_process.StartInfo.FileName} was not ready within {limit}: {Output}");
            await Task.Delay(Poll, ct);
        }
    }

    /// <summary>Sends a signal by name: TERM, STOP, CONT, KILL.</summary>
    public Task SignalAsync(string name, CancellationToken ct) => RunAsync("kill", ["-s", name, _process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)], ct);

    public Task WaitForExitAsync(CancellationToken ct) => _process.WaitForExitAsync(ct);

    /// <summary>Ends it and its children with SIGKILL, in the middle of whatever they do, and waits until it is gone.</summary>
    public async Task KillAsync()
    {
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
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

    /// <summary>The path of a program, looked for on PATH and where Debian keeps servers; null where it is not installed.</summary>
    public static string? Find(string program)
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Concat(["/usr/sbin", "/usr/local/sbin", "/usr/lib/postgresql/15/bin"]);
        return folders.Select(f => Path.Combine(f, program)).FirstOrDefault(File.Exists);
    }

    private void Note(string? line)
    {
        lock (_output)
            if (line is not null && _output.Length < MaxOutputChars) _output.AppendLine(line);
    }
}
