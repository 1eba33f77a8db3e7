namespace Rag.Testing.Kubernetes;

/// <summary>Everybody who could be on a network with the service, and which of them may reach which, written down by hand for each overlay.</summary>
public static class NetworkMatrix
{
    private const string Space = "rag-system", Name = "app.kubernetes.io/name";

    private static readonly Peer
        Rag = Peer.Pod("rag", Space, (Name, "rag-system")),
        Keeper = Peer.Pod("scale-keeper", Space, (Name, "rag-system-scale-keeper")),
        Database = Peer.Pod("database", Space, ("cnpg.io/cluster", "rag-system-db")),
        Redis = Peer.Pod("redis", Space, (Name, "rag-system-redis")),
        Sentinel = Peer.Pod("sentinel", Space, (Name, "rag-system-sentinel")),
        Stray = Peer.Pod("stray", Space, (Name, "debug")),
        Unlabelled = Peer.Pod("unlabelled", Space),
        Ingress = Peer.Pod("ingress", "ingress-nginx", (Name, "ingress-nginx")),
        BesideIngress = Peer.Pod("beside-ingress", "ingress-nginx", (Name, "debug")),
        Prometheus = Peer.Pod("prometheus", "monitoring", (Name, "prometheus")),
        Alertmanager = Peer.Pod("alertmanager", "monitoring", (Name, "alertmanager")),
        Grafana = Peer.Pod("grafana", "monitoring", (Name, "grafana")),
        Operator = Peer.Pod("cnpg", "cnpg-system", (Name, "cloudnative-pg")),
        Dns = Peer.Pod("dns", "kube-system", ("k8s-app", "kube-dns")),
        Foreign = Peer.Pod("foreign", "default", (Name, "rag-system")),
        // A pod elsewhere that calls itself what an allowed one is called.
        Impostor = Peer.Pod("impostor", "default", (Name, "ingress-nginx")),
        Api = Peer.Outside("api", "10.0.0.10"),
        Internet = Peer.Outside("internet", "203.0.113.7"),
        Neighbour = Peer.Outside("neighbour", "192.168.1.20"),
        Credentials = Peer.Outside("credentials", "169.254.169.254"),
        OutsidePostgres = Peer.Outside("postgres", "192.0.2.17"),
        OutsideRedis = Peer.Outside("outside-redis", "192.0.2.33");

    private static readonly Peer[] Everybody =
        [Rag, Keeper, Database, Redis, Sentinel, Stray, Unlabelled, Ingress, BesideIngress, Prometheus, Alertmanager, Grafana, Operator, Dns, Foreign, Impostor, Api, Internet, Neighbour, Credentials, OutsidePostgres, OutsideRedis];

    private static readonly (int Port, string Protocol)[] Ports =
        [(22, "TCP"), (53, "UDP"), (53, "TCP"), (80, "TCP"), (443, "TCP"), (587, "TCP"), (5432, "TCP"), (6379, "TCP"), (6443, "TCP"), (8000, "TCP"), (8080, "TCP"), (9093, "TCP"), (9187, "TCP"), (26379, "TCP")];

    private static readonly string[] Base =
    [
        "ingress > rag: 8080", "scale-keeper > rag: 8080",
        "rag scale-keeper database redis sentinel stray unlabelled > dns: 53 53/UDP",
        "scale-keeper > api internet neighbour postgres outside-redis: 443 6443",
    ];

    private static readonly string[] Outer = ["rag > postgres: 5432", "rag > outside-redis: 6379"];

    private static readonly string[] Monitored = ["prometheus alertmanager > rag: 8080", "rag > alertmanager: 9093", "rag > internet postgres outside-redis: 443 587"];

    private static readonly string[] Inside =
    [
        "rag database > database: 5432", "cnpg database > database: 8000", "database > api internet neighbour postgres outside-redis: 443 6443",
        "rag redis sentinel > redis: 6379", "rag redis sentinel > sentinel: 26379",
    ];

    /// <summary>By overlay, a line for who may reach whom at which ports.</summary>
    public static readonly IReadOnlyDictionary<string, IReadOnlyList<string>> Expected = new Dictionary<string, IReadOnlyList<string>>
    {
        ["small"] = [.. Base, .. Outer],
        ["production"] = [.. Base, .. Outer, .. Monitored],
        ["older-clusters"] = [.. Base, .. Outer, .. Monitored],
        ["operators"] = [.. Base, .. Inside, .. Monitored],
    };

    /// <summary>Every pair and port with an end in the namespace of the service; what is there and not written down, and the other way round.</summary>
    public static (int Pairs, IReadOnlyList<string> Problems) Compare(string overlay, IReadOnlyList<Manifest> manifests)
    {
        var reach = new NetworkReach(manifests);
        var allowed = Read(Expected[overlay]).ToHashSet();
        var problems = new List<string>();
        int pairs = 0;
        foreach (var from in Everybody)
            foreach (var to in Everybody.Where(t => t != from || t.Namespace == Space))
            {
                // What others do among themselves is not this namespace's to say.
                if (from.Namespace != Space && to.Namespace != Space) continue;
                foreach (var (port, protocol) in Ports)
                {
                    pairs++;
                    bool reaches = reach.Reaches(from, to, port, protocol), may = allowed.Contains((from.Name, to.Name, port, protocol));
                    if (reaches != may) problems.Add($"{overlay}: {from} {(reaches ? "reaches" : "does not reach")} {to} at {port}/{protocol}");
                }
            }
        return (pairs, problems);
    }

    private static IEnumerable<(string, string, int, string)> Read(IEnumerable<string> lines) =>
        from line in lines
        let sides = line.Split(" > ")
        let right = sides[1].Split(": ")
        from source in sides[0].Split(' ')
        from target in right[0].Split(' ')
        from port in right[1].Split(' ')
        let parts = port.Split('/')
        select (source, target, int.Parse(parts[0], System.Globalization.CultureInfo.InvariantCulture), parts.Length > 1 ? parts[1] : "TCP");
}
