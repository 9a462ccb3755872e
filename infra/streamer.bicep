// The streamer's container app. It has its own template because its image is built in the registry that
// main.bicep creates.

import { namesOf } from 'names.bicep'
import { Settings } from 'types.bicep'

targetScope = 'resourceGroup'

@description('Azure region.')
param location string = resourceGroup().location

@description('Name of the azd environment, if azd is used.')
param environmentName string

@description('Image and tag, in the registry that main.bicep creates.')
param image string

@description('The revision that keeps all traffic until the new one is ready. Empty: no revision exists yet.')
param liveRevision string

@description('vCPUs of each replica. A stream uses about a thousandth of a vCPU per track.')
@allowed(['0.5', '1', '2', '4'])
param cpu string

@description('Minimum number of replicas. An app that scales by CPU cannot scale to zero. With one, its calls pause while it is replaced; with two, they go on at the other.')
@minValue(1)
param minReplicas int

@description('Maximum number of replicas.')
@minValue(1)
@maxValue(1000)
param maxReplicas int

@description('Maximum number of streams per replica. Further ones are refused, and ACS tries again.')
@minValue(1)
param maxStreams int

@description('How ACS\'s bearer tokens are checked. learn: if they are not as Microsoft documents them, calls go on.')
@allowed(['learn', 'require'])
param acsTokenCheck string

@description('Additional settings of streamer/settings.py. They override those set by this template.')
param settings Settings

// https://learn.microsoft.com/azure/container-apps/storage-mounts
@description('Memory and spool size for each vCPU count. The spool takes seven eighths of the disk and leaves the rest for logs.')
var sizes = {
  '0.5': {
    memory: '1Gi'
    spoolMebibytes: 1792
  }
  '1': {
    memory: '2Gi'
    spoolMebibytes: 3584
  }
  '2': {
    memory: '4Gi'
    spoolMebibytes: 7168
  }
  '4': {
    memory: '8Gi'
    spoolMebibytes: 7168
  }
}

// Must cover DRAIN_GRACE_SECONDS, closing the sockets, and DRAIN_UPLOAD_SECONDS twice: once for streams that do
// not end, once for uploads. Container Apps allows at most 600.
@description('Seconds from SIGTERM to SIGKILL.')
var terminationGraceSeconds = 600

@description('The names of all resources.')
var names = namesOf(uniqueString(resourceGroup().id))

@description('The port that the streamer listens on.')
var port = 8765

@description('Mount path of the spool\'s volume.')
var spool = '/spool'

@description('The streamer\'s environment variables.')
var environmentVariables = union(
  {
    AUDIO_STORAGE_BLOB_SERVICE_URI: storage.properties.primaryEndpoints.blob
    AZURE_CLIENT_ID: identity.properties.clientId
    ACS_TOKEN_AUDIENCE: communication.properties.immutableResourceId
    TOKEN_CHECK: acsTokenCheck
    PORT: string(port)
    SPOOL_DIR: spool
    SPOOL_MAX_BYTES: string(sizes[cpu].spoolMebibytes * 1024 * 1024)
    MAX_STREAMS: string(maxStreams)
    // Well below the ingress's idle timeout of 240 s.
    PING_INTERVAL_SECONDS: '20'
    DRAIN_GRACE_SECONDS: '500'
    DRAIN_UPLOAD_SECONDS: '45'
  },
  settings
)

resource storage 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: names.storage
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: names.streamerIdentity
}

resource communication 'Microsoft.Communication/communicationServices@2025-09-01' existing = {
  name: names.communication
}

resource registry 'Microsoft.ContainerRegistry/registries@2025-11-01' existing = {
  name: names.registry
}

resource environment 'Microsoft.App/managedEnvironments@2026-01-01' existing = {
  name: names.environment
}

resource streamer 'Microsoft.App/containerApps@2026-01-01' = {
  name: names.streamer
  location: location
  tags: { 'azd-env-name': environmentName }
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identity.id}': {} }
  }
  properties: {
    environmentId: environment.id
    workloadProfileName: 'Consumption'
    configuration: {
      // The old revision keeps its calls while the new one receives new streams.
      activeRevisionsMode: 'Multiple'
      maxInactiveRevisions: 5
      registries: [
        {
          server: registry.properties.loginServer
          identity: identity.id
        }
      ]
      ingress: {
        external: true
        // HTTP/1.1, which the WebSocket upgrade requires.
        transport: 'http'
        allowInsecure: false
        targetPort: port
        traffic: empty(liveRevision)
          ? [
              {
                latestRevision: true
                weight: 100
              }
            ]
          : [
              {
                revisionName: liveRevision
                weight: 100
              }
            ]
      }
    }
    template: {
      terminationGracePeriodSeconds: terminationGraceSeconds
      containers: [
        {
          name: 'streamer'
          image: image
          resources: {
            cpu: json(cpu)
            memory: sizes[cpu].memory
          }
          env: map(items(environmentVariables), variable => {
            name: variable.key
            value: variable.value
          })
          volumeMounts: [
            {
              volumeName: 'spool'
              mountPath: spool
            }
          ]
          probes: [
            {
              // At startup, the streamer first recovers what a killed process left in the spool.
              type: 'Startup'
              httpGet: {
                path: '/healthz'
                port: port
              }
              initialDelaySeconds: 2
              periodSeconds: 10
              timeoutSeconds: 5
              failureThreshold: 10
            }
            {
              // Does not depend on storage: a restart would not repair it.
              type: 'Liveness'
              httpGet: {
                path: '/healthz'
                port: port
              }
              periodSeconds: 10
              timeoutSeconds: 5
              failureThreshold: 6
            }
            {
              // Fails when the replica is full or draining: new streams go to other replicas, open ones stay.
              type: 'Readiness'
              httpGet: {
                path: '/readyz'
                port: port
              }
              periodSeconds: 5
              timeoutSeconds: 3
              failureThreshold: 2
              successThreshold: 1
            }
          ]
        }
      ]
      volumes: [
        {
          // Survives a restart of the container, but not the end of the replica. A drain empties it first.
          name: 'spool'
          storageType: 'EmptyDir'
        }
      ]
      scale: {
        minReplicas: minReplicas
        maxReplicas: maxReplicas
        // HTTP rules count new requests, not open sockets: a replica full of calls would look idle.
        rules: [
          {
            name: 'cpu'
            custom: {
              type: 'cpu'
              metadata: {
                type: 'Utilization'
                value: '50'
              }
            }
          }
        ]
      }
    }
  }
}
