using System.Globalization;
using System.Net;
using k8s.Models;

namespace Rag.Testing.Kubernetes;

/// <summary>Something on the network: a pod by its namespace and labels, or an address outside.</summary>
/// <param name="Address">Of what is no pod; null for a pod.</param>
public sealed record Peer(string Name, string Namespace, IReadOnlyDictionary<string, string> Labels, IPAddress? Address = null)
{
    public static Peer Pod(string name, string space, params (string Key, string Value)[] labels) => new(name, space, labels.ToDictionary(l => l.Key, l => l.Value));

    public static Peer Outside(string name, string address) => new(name, "", new Dictionary<string, string>(), IPAddress.Parse(address));

    public override string ToString() => Name;
}

/// <summary>
/// Who may reach whom, computed from NetworkPolicies as Kubernetes has them: a pod that some policy selects for a direction takes only
/// what a policy of that direction allows; a connection needs the leave of both its ends. Addresses outside have no policies.
/// An ipBlock is held against addresses outside the cluster only, as network plugins commonly do for pods.
/// </summary>
public sealed class NetworkReach(IEnumerable<Manifest> manifests)
{
    private readonly List<V1NetworkPolicy> _policies = [.. manifests.Select(m => m.Typed).OfType<V1NetworkPolicy>()];

    public bool Reaches(Peer from, Peer to, int port, string protocol = "TCP") => Leaves(from, to, port, protocol) && Enters(from, to, port, protocol);

    private bool Leaves(Peer from, Peer to, int port, string protocol)
    {
        var policies = Selecting(from, "Egress").ToList();
        return policies.Count == 0 || policies.Any(p => (p.Spec.Egress ?? []).Any(rule => Ports(rule.Ports, port, protocol) && Peers(rule.To, p, to)));
    }

    private bool Enters(Peer from, Peer to, int port, string protocol)
    {
        var policies = Selecting(to, "Ingress").ToList();
        return policies.Count == 0 || policies.Any(p => (p.Spec.Ingress ?? []).Any(rule => Ports(rule.Ports, port, protocol) && Peers(rule.FromProperty, p, from)));
    }

    private IEnumerable<V1NetworkPolicy> Selecting(Peer peer, string direction) => peer.Address is not null ? [] : _policies.Where(p =>
        p.Metadata.NamespaceProperty == peer.Namespace && Types(p).Contains(direction) && ManifestLint.Selects(p.Spec.PodSelector ?? new(), Labels(peer)));

    /// <summary>Without policyTypes a policy is one of ingress, and of egress where it has rules for that.</summary>
    private static IEnumerable<string> Types(V1NetworkPolicy policy) => policy.Spec.PolicyTypes is { Count: > 0 } types ? types : policy.Spec.Egress is null ? ["Ingress"] : ["Ingress", "Egress"];

    private static bool Ports(IList<V1NetworkPolicyPort>? ports, int port, string protocol) => ports is not { Count: > 0 } || ports.Any(p =>
        (p.Protocol ?? "TCP") == protocol && (p.Port is null || (int.TryParse(p.Port.Value, CultureInfo.InvariantCulture, out int first) ? port >= first && port <= (p.EndPort ?? first)
            : throw new FormatException($"The port {p.Port.Value} is a name, which is not looked up here."))));

    private static bool Peers(IList<V1NetworkPolicyPeer>? peers, V1NetworkPolicy policy, Peer peer) => peers is not { Count: > 0 } || peers.Any(p =>
        p.IpBlock is { } block ? peer.Address is { } address && Within(block.Cidr, address) && !(block.Except ?? []).Any(e => Within(e, address))
        : peer.Address is null
            && (p.NamespaceSelector is { } spaces ? ManifestLint.Selects(spaces, new Dictionary<string, string> { ["kubernetes.io/metadata.name"] = peer.Namespace }) : peer.Namespace == policy.Metadata.NamespaceProperty)
            && (p.PodSelector is null || ManifestLint.Selects(p.PodSelector, Labels(peer))));

    private static bool Within(string network, IPAddress address) => IPNetwork.Parse(network) is var parsed && parsed.BaseAddress.AddressFamily == address.AddressFamily && parsed.Contains(address);

    private static Dictionary<string, string> Labels(Peer peer) => new(peer.Labels);
}
