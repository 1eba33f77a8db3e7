using k8s;
using k8s.Models;
using YamlDotNet.Serialization;

namespace Rag.Testing.Kubernetes;

// What the overlays use of the custom resources of three operators, as their API references have it: the Prometheus Operator
// (monitoring.coreos.com/v1), CloudNativePG (postgresql.cnpg.io/v1) and its plugin for Barman Cloud (barmancloud.cnpg.io/v1).
// A field that is not here is refused like one that does not exist: whoever uses another looks it up and adds it.

/// <summary>An object of an operator: what is wanted, in a type of its own.</summary>
public abstract class OperatorObject<T> : IKubernetesObject<V1ObjectMeta>
{
    public string ApiVersion { get; set; } = "";
    public string Kind { get; set; } = "";
    public V1ObjectMeta Metadata { get; set; } = new();
    public T? Spec { get; set; }
}

public sealed class ServiceMonitor : OperatorObject<ServiceMonitorSpec>;

public sealed class ServiceMonitorSpec
{
    public string? JobLabel { get; set; }
    public V1LabelSelector? Selector { get; set; }
    public List<ScrapedEndpoint> Endpoints { get; set; } = [];
}

public sealed class ScrapedEndpoint
{
    public string? Port { get; set; }
    public string? Path { get; set; }
    public string? Interval { get; set; }
    public string? ScrapeTimeout { get; set; }
    public ScrapeAuthorization? Authorization { get; set; }
    public List<Relabeling> Relabelings { get; set; } = [];
}

public sealed class ScrapeAuthorization
{
    public string? Type { get; set; }
    public V1SecretKeySelector? Credentials { get; set; }
}

public sealed class Relabeling
{
    public List<string> SourceLabels { get; set; } = [];
    public string? TargetLabel { get; set; }
    public string? Action { get; set; }
}

public sealed class PrometheusRule : OperatorObject<PrometheusRuleSpec>;

public sealed class PrometheusRuleSpec
{
    public List<RuleGroup> Groups { get; set; } = [];
}

public sealed class RuleGroup
{
    public string Name { get; set; } = "";
    public string? Interval { get; set; }
    public List<Rule> Rules { get; set; } = [];
}

public sealed class Rule
{
    public string? Record { get; set; }
    public string? Alert { get; set; }
    public string Expr { get; set; } = "";
    public string? For { get; set; }
    public Dictionary<string, string>? Labels { get; set; }
    public Dictionary<string, string>? Annotations { get; set; }
}

public sealed class PostgresCluster : OperatorObject<PostgresClusterSpec>;

public sealed class PostgresClusterSpec
{
    public int Instances { get; set; }
    public string? ImageName { get; set; }
    public string? PrimaryUpdateStrategy { get; set; }
    public string? PrimaryUpdateMethod { get; set; }
    public PostgresBootstrap? Bootstrap { get; set; }
    public PostgresSettings? Postgresql { get; set; }
    public PostgresStorage? Storage { get; set; }
    public PostgresStorage? WalStorage { get; set; }
    public V1ResourceRequirements? Resources { get; set; }
    public PostgresAffinity? Affinity { get; set; }
    public List<PostgresPlugin> Plugins { get; set; } = [];
}

public sealed class PostgresBootstrap
{
    public PostgresInit? Initdb { get; set; }
}

public sealed class PostgresInit
{
    public string? Database { get; set; }
    public string? Owner { get; set; }
    public string? Encoding { get; set; }
    public string? LocaleCollate { get; set; }
    public string? LocaleCType { get; set; }
    [YamlMember(Alias = "postInitApplicationSQL", ApplyNamingConventions = false)] public List<string> PostInitApplicationSql { get; set; } = [];
}

public sealed class PostgresSettings
{
    public Dictionary<string, string> Parameters { get; set; } = [];
    public PostgresSynchronous? Synchronous { get; set; }
}

public sealed class PostgresSynchronous
{
    public string? Method { get; set; }
    public int Number { get; set; }
}

public sealed class PostgresStorage
{
    public string? Size { get; set; }
    public string? StorageClass { get; set; }
}

public sealed class PostgresAffinity
{
    public bool EnablePodAntiAffinity { get; set; }
    public string? TopologyKey { get; set; }
    public string? PodAntiAffinityType { get; set; }
}

public sealed class PostgresPlugin
{
    public string Name { get; set; } = "";
    [YamlMember(Alias = "isWALArchiver", ApplyNamingConventions = false)] public bool IsWalArchiver { get; set; }
    public Dictionary<string, string> Parameters { get; set; } = [];
}

public sealed class ScheduledBackup : OperatorObject<ScheduledBackupSpec>;

public sealed class ScheduledBackupSpec
{
    public string Schedule { get; set; } = "";
    public string? BackupOwnerReference { get; set; }
    public string? Method { get; set; }
    public PostgresPluginName? PluginConfiguration { get; set; }
    public V1LocalObjectReference? Cluster { get; set; }
}

public sealed class PostgresPluginName
{
    public string Name { get; set; } = "";
}

public sealed class ObjectStore : OperatorObject<ObjectStoreSpec>;

public sealed class ObjectStoreSpec
{
    public string? RetentionPolicy { get; set; }
    public ObjectStoreConfiguration? Configuration { get; set; }
}

public sealed class ObjectStoreConfiguration
{
    public string? DestinationPath { get; set; }
    [YamlMember(Alias = "endpointURL", ApplyNamingConventions = false)] public string? EndpointUrl { get; set; }
    public ObjectStoreCredentials? S3Credentials { get; set; }
    public ObjectStoreCompression? Wal { get; set; }
    public ObjectStoreCompression? Data { get; set; }
}

public sealed class ObjectStoreCredentials
{
    public V1SecretKeySelector? AccessKeyId { get; set; }
    public V1SecretKeySelector? SecretAccessKey { get; set; }
}

public sealed class ObjectStoreCompression
{
    public string? Compression { get; set; }
}
