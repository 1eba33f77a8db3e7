using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Rag.Testing;

/// <summary>
/// Production on this machine, as <c>deploy/local/up</c> makes it, on ports that were free and in a folder of its own. Its
/// servers can be killed, paused, stopped and started again; disposing of it runs <c>deploy/local/down</c>.
/// </summary>
public sealed class LocalCluster : IAsyncDisposable
{
    /// <summary>Ports that <c>up</c> takes, counted from its base.</summary>
    private const int PortSpan = 15;
    private const int PostgresOffset = 10, RedisOffset = 11, PrometheusOffset = 12, AlertmanagerOffset = 13;

    private static readonly string[] Programs = ["postgres", "initdb", "psql", "redis-server", "redis-cli", "haproxy", "curl", "setsid"];
    private static readonly string[] MonitoringPrograms = ["prometheus", "prometheus-alertmanager"];

    private readonly string _scripts;
    private readonly int _portBase;
    private readonly List<FaultProxy> _proxies = [];

    private LocalCluster(string scripts, string state, int portBase, int replicas)
    {
        (_scripts, State, _portBase, ReplicaCount) = (scripts, state, portBase, replicas);
        Replicas = [.. Enumerable.Range(1, replicas).Select(n => Local(portBase + n))];
    }

    /// <summary>The folder with data, secrets and logs.</summary>
    public string State { get; }

    public int ReplicaCount { get; }

    /// <summary>The balancer's address.</summary>
    public Uri Balancer => Local(_portBase);

    /// <summary>Each replica's own address, replica 1 first.</summary>
    public IReadOnlyList<Uri> Replicas { get; }

    /// <summary>Prometheus, which scrapes the replicas and the balancer; there where the cluster was started with monitoring.</summary>
    public Uri Prometheus => Local(_portBase + PrometheusOffset);

    public Uri Alertmanager => Local(_portBase + AlertmanagerOffset);

    public int RedisPort => _portBase + RedisOffset;

    /// <summary>Between the replicas and PostgreSQL; null where it was not asked for.</summary>
    public FaultProxy? PostgresProxy { get; private set; }

    /// <summary>Between the replicas and Redis; null where it was not asked for.</summary>
    public FaultProxy? RedisProxy { get; private set; }

    public string RedisPassword => File.ReadAllText(Path.Combine(State, "secrets", "redis-password"));

    /// <summary>Connection string of the record, straight to the server.</summary>
    public string PostgresConnection
    {
        get
        {
            string password = File.ReadAllText(Path.Combine(State, "secrets", "postgres-password"));
            return $"Host=127.0.0.1;Port={_portBase + PostgresOffset};Database=rag;Username=rag;Password={password}";
        }
    }

    /// <summary>Programs that are not installed, in words; null where nothing is missing.</summary>
    public static string? Missing => NotInstalled(Programs);

    /// <summary>The same with what monitoring needs.</summary>
    public static string? MissingWithMonitoring => NotInstalled([.. Programs, .. MonitoringPrograms]);

    /// <param name="settings">Settings of every replica, <c>Section:Key=value</c>.</param>
    /// <param name="proxies">Whether a <see cref="FaultProxy"/> stands before PostgreSQL and before Redis.</param>
    /// <param name="monitoring">Whether Prometheus and Alertmanager run, too.</param>
    /// <param name="environment">Given to every replica beside this process' own.</param>
    /// <param name="program">Of another release, in the place of this one's.</param>
    public static async Task<LocalCluster> StartAsync(
        int replicas, IEnumerable<string> settings, bool proxies, CancellationToken ct, bool monitoring = false, IReadOnlyDictionary<string, string>? environment = null, string? program = null)
    {
        string scripts = Path.Combine(Root(), "deploy", "local");
        // Below /tmp, which PostgreSQL's account may enter.
        string state = Directory.CreateTempSubdirectory("rag-cluster-").FullName;
        int portBase = FreeBase();
        var cluster = new LocalCluster(scripts, state, portBase, replicas);
        try
        {
            var arguments = new List<string>
            {
                "--state", state, "--replicas", Text(replicas), "--port-base", Text(portBase),
                "--rag", program ?? Path.Combine(AppContext.BaseDirectory, "rag"),
                // Should this process be killed, its servers must not stay.
                "--until-exit-of", Text(Environment.ProcessId),
            };
            if (!monitoring) arguments.AddRange(["--without", "prometheus,alertmanager"]);
            if (proxies)
            {
                cluster.PostgresProxy = cluster.Proxy(portBase + PostgresOffset);
                cluster.RedisProxy = cluster.Proxy(portBase + RedisOffset);
                arguments.AddRange(["--postgres-at", $"127.0.0.1:{Text(cluster.PostgresProxy.Port)}", "--redis-at", $"127.0.0.1:{Text(cluster.RedisProxy.Port)}"]);
            }
            foreach (string setting in settings) arguments.AddRange(["--set", setting]);
            await ChildServer.RunAsync(Path.Combine(scripts, "up"), arguments, ct, environment: environment);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    public static string Replica(int number) => $"replica-{Text(number)}";

    /// <summary>Starts a part and waits until it answers; one that runs already is left alone.</summary>
    /// <param name="environment">Given to it beside this process' own.</param>
    public Task StartAsync(string part, CancellationToken ct, IReadOnlyDictionary<string, string>? environment = null) =>
        ChildServer.RunAsync(Path.Combine(_scripts, "part"), ["--state", State, "start", part], ct, environment: environment);

    /// <summary>Ends a part as its own shutdown does, and waits until it is gone.</summary>
    public Task StopAsync(string part, CancellationToken ct) => ScriptAsync("part", ct, "stop", part);

    /// <summary>Ends a part with SIGKILL, in the middle of whatever it does, and waits until it is gone.</summary>
    public async Task KillAsync(string part, CancellationToken ct)
    {
        int pid = Pid(part);
        await SignalAsync(part, "KILL", ct);
        while (Runs(pid)) await Task.Delay(5, ct);
    }

    /// <summary>The part stands still: it keeps its connections and answers nothing.</summary>
    public Task PauseAsync(string part, CancellationToken ct) => SignalAsync(part, "STOP", ct);

    public Task ContinueAsync(string part, CancellationToken ct) => SignalAsync(part, "CONT", ct);

    /// <summary>Puts another release into service, one replica after the other.</summary>
    public Task ReleaseAsync(string program, CancellationToken ct) => ScriptAsync("release", ct, "--rag", program);

    /// <summary>Puts the release before back, with one command.</summary>
    public Task RollbackAsync(CancellationToken ct) => ScriptAsync("rollback", ct);

    public Task RollingRestartAsync(CancellationToken ct) => ScriptAsync("rolling-restart", ct);

    /// <summary>Starts everything that does not run: the servers first, then the replicas side by side.</summary>
    public async Task StartAllAsync(CancellationToken ct)
    {
        foreach (string part in (string[])["postgres", "redis"]) if (!Runs(part)) await StartAsync(part, ct);
        await Task.WhenAll(Enumerable.Range(1, ReplicaCount).Select(Replica).Where(r => !Runs(r)).Select(r => StartAsync(r, ct)));
        if (!Runs("haproxy")) await StartAsync("haproxy", ct);
    }

    /// <summary>Whether every part has a process; one may still be starting, or stand still.</summary>
    public bool AllRun => Enumerable.Range(1, ReplicaCount).Select(Replica).Concat(["postgres", "redis", "haproxy"]).All(Runs);

    /// <summary>Replica's data directory: what it derives from the record, and what it has spooled.</summary>
    public string DataDirectory(int replica) => Path.Combine(State, "replicas", Text(replica));

    /// <summary>Process id of a part.</summary>
    /// <exception cref="InvalidOperationException">It does not run.</exception>
    public int Pid(string part) => FindPid(part) ?? throw new InvalidOperationException($"{part} does not run.");

    /// <summary>The program that a part runs, as the system has it.</summary>
    public string Program(string part) => File.ResolveLinkTarget($"/proc/{Text(Pid(part))}/exe", returnFinalTarget: false)?.FullName ?? throw new InvalidOperationException($"{part} does not run.");

    /// <summary>Processor time that a part has used since it started, seconds.</summary>
    public double CpuSeconds(string part)
    {
        using var process = System.Diagnostics.Process.GetProcessById(Pid(part));
        return process.TotalProcessorTime.TotalSeconds;
    }

    /// <summary>The last characters of a part's log.</summary>
    public string Log(string part, int chars = 2_000)
    {
        string file = Path.Combine(State, "logs", part + ".log");
        if (!File.Exists(file)) return "";
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        stream.Seek(-Math.Min(stream.Length, chars), SeekOrigin.End);
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    /// <summary>What the replicas' logs have of the last error that nobody expected, in a line; null where there is none.</summary>
    public string? Unexpected()
    {
        const string Mark = "Unexpected error";
        const int Chars = 1_500;
        foreach (string log in Enumerable.Range(1, ReplicaCount).Select(n => Log(Replica(n), 4_000_000)))
            if (log.LastIndexOf(Mark, StringComparison.Ordinal) is >= 0 and var at) return log.Substring(at, Math.Min(Chars, log.Length - at)).ReplaceLineEndings(" ");
        return null;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var proxy in _proxies) await proxy.DisposeAsync();
        if (File.Exists(Path.Combine(State, "cluster.env"))) await ScriptAsync("down", CancellationToken.None);
        else if (Directory.Exists(State)) Directory.Delete(State, recursive: true);
    }

    private static string? NotInstalled(IEnumerable<string> programs) =>
        programs.Where(p => ChildServer.Find(p) is null).ToList() is { Count: > 0 } missing ? $"not installed: {string.Join(", ", missing)}" : null;

    private Task ScriptAsync(string script, CancellationToken ct, params string[] arguments) =>
        ChildServer.RunAsync(Path.Combine(_scripts, script), ["--state", State, .. arguments], ct);

    private Task SignalAsync(string part, string signal, CancellationToken ct) => ChildServer.RunAsync("kill", ["-s", signal, Text(Pid(part))], ct);

    private FaultProxy Proxy(int port)
    {
        var proxy = FaultProxy.Start(port);
        _proxies.Add(proxy);
        return proxy;
    }

    private bool Runs(string part) => FindPid(part) is not null;

    private int? FindPid(string part)
    {
        string file = Path.Combine(State, "run", part + ".pid");
        return File.Exists(file) && int.TryParse(File.ReadAllText(file).Split(' ')[0], CultureInfo.InvariantCulture, out int pid) && Runs(pid) ? pid : null;
    }

    /// <summary>Whether the process is there and does more than wait for its parent to notice that it ended.</summary>
    private static bool Runs(int pid)
    {
        try
        {
            string stat = File.ReadAllText($"/proc/{Text(pid)}/stat");
            return stat[stat.LastIndexOf(')') + 2] is not ('Z' or 'X');
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>A port that is free with those after it which <c>up</c> takes.</summary>
    private static int FreeBase()
    {
        for (int attempt = 0; attempt < 100; attempt++)
        {
            int portBase = ChildServer.FreePort();
            if (Enumerable.Range(portBase + 1, PortSpan - 1).All(IsFree)) return portBase;
        }
        throw new InvalidOperationException($"No {PortSpan} ports in a row are free.");
    }

    private static bool IsFree(int port)
    {
        using var listener = new TcpListener(IPAddress.Loopback, port);
        try
        {
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>The clone that this program was built in.</summary>
    public static string Root()
    {
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
            if (File.Exists(Path.Combine(at.FullName, "Rag.slnx"))) return at.FullName;
        throw new InvalidOperationException($"{AppContext.BaseDirectory} is not within a clone, whose deploy/local is needed.");
    }

    private static Uri Local(int port) => new($"http://127.0.0.1:{Text(port)}");

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
